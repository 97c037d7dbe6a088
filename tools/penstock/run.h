// SPDX-License-Identifier: Apache-2.0
// The whole program but for main().
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "tools/penstock/command.h"

namespace penstock::cli {

// `words` are what follows the program's name. Results go to `out`, all else to `err`.
Exit Run(const std::vector<std::string>& words, std::ostream& out, std::ostream& err);

// The socket that a command speaks to: --socket, else $PENSTOCK_SOCKET, else the usual place.
std::string SocketOf(const Arguments& globals);

}  // namespace penstock::cli
