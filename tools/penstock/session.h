// SPDX-License-Identifier: Apache-2.0
// What a command works with: the daemon on the other side of the socket, and where results go.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "tools/penstock/client.h"
#include "tools/penstock/command.h"
#include "tools/penstock/output.h"

namespace penstock::cli {

class Session {
 public:
  Session(Client client, Output output) : client_(std::move(client)), output_(std::move(output)) {}

  [[nodiscard]] Client& client() { return client_; }

  [[nodiscard]] Output& output() { return output_; }

  // How the program ends if the command succeeds.
  [[nodiscard]] Exit exit() const { return exit_; }

  void set_exit(Exit exit) { exit_ = exit; }

 private:
  Client client_;
  Output output_;
  Exit exit_ = Exit::kOk;
};

}  // namespace penstock::cli
