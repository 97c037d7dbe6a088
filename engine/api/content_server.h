// SPDX-License-Identifier: Apache-2.0
// The content API on a listener of its own (SPEC P3): plain text on loopback and unix sockets,
// beyond them TLS alone. Whoever may connect gets nothing without a capability (P2).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/async/tls_files.h"
#include "engine/base/status.h"
#include "engine/ports/clock.h"
#include "engine/runtime/capability_keeper.h"
#include "engine/runtime/content_desk.h"
#include "engine/runtime/directory_keeper.h"

namespace penstock::api {

// What a configuration says of it.
struct ContentServerOptions {
  std::string listen;                  // "host:port", port 0: any that is free; "unix:/path"
  std::string target;                  // what hooks are told; empty: where it listens
  std::optional<async::TlsFiles> tls;  // unset: plain text
};

// Errors: kInvalidArgument, naming field and what was expected: no address, plain text beyond this
// machine (P3), all addresses without a target to tell hooks, a target that gRPC does not take.
Status Validate(const ContentServerOptions& options);

// Threads: Start and Stop from one thread, which is none of its own.
class ContentServer {
 public:
  // Listens. What is given outlives it. A unix socket has mode 0660, its folder is treated as
  // PrepareUnixSocket says.
  //   Errors: those of Validate and PrepareUnixSocket; kUnavailable (address in use, or none of
  //   this machine); those of the TLS files.
  static StatusOr<std::unique_ptr<ContentServer>> Start(
      ContentServerOptions options, const runtime::DirectoryKeeper& directory,
      const runtime::CapabilityKeeper& capabilities, runtime::ContentDesk& desk,
      const ports::Clock& clock);

  ContentServer(const ContentServer&) = delete;
  ContentServer& operator=(const ContentServer&) = delete;
  // Stops, if it was not stopped.
  ~ContentServer();

  // Takes no new calls and cuts off what still runs after limits::kContentStopDeadline; returns
  // when the last coroutine of a call has ended.
  void Stop();

  // Where it listens, with the port that was taken.
  [[nodiscard]] const std::string& address() const;

  // What hooks are told.
  [[nodiscard]] const std::string& target() const;

 private:
  struct Parts;
  explicit ContentServer(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace penstock::api
