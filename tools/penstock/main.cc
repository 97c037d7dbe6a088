// SPDX-License-Identifier: Apache-2.0
// penstock: the command line of penstockd.
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "tools/penstock/run.h"

int main(int argc, char** argv) {
  // gRPC's own lines are for whoever asks for them: the errors that matter are told by us.
  setenv("GRPC_VERBOSITY", "NONE", 0);
  const std::vector<std::string> words(argv + 1, argv + argc);
  return static_cast<int>(penstock::cli::Run(words, std::cout, std::cerr));
}
