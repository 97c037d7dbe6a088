// SPDX-License-Identifier: Apache-2.0
// A hook that does nothing.
#include <iostream>
#include <string>

#include <hooks/sdk/server.h>

using namespace penstock::sdk;

int main(int argc, char** argv) {
  ServeOptions options;
  for (int i = 1; i + 1 < argc; i += 2)
    if (argv[i] == std::string("--listen")) options.listen = argv[i + 1];
  options.listening = [](const std::string& address) {
    std::cout << "listening on " + address + "\n" << std::flush;
  };
  const auto status = Serve(
      [](Invocation& /*invocation*/) -> penstock::StatusOr<Answer> {
        return Answer().ForAll(Drop());
      },
      options);
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
