// SPDX-License-Identifier: Apache-2.0
// penstock: the command line of penstockd.
#include <iostream>
#include <string>
#include <vector>

#include "tools/penstock/run.h"

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  return static_cast<int>(penstock::cli::Run(words, std::cout, std::cerr));
}
