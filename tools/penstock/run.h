// SPDX-License-Identifier: Apache-2.0
// The whole program but for main().
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "tools/penstock/client.h"
#include "tools/penstock/command.h"

namespace penstock::cli {

// `words` are what follows the program's name. Results go to `out`, all else to `err`.
Exit Run(const std::vector<std::string>& words, std::ostream& out, std::ostream& err);

// Where the daemon is that a command speaks to: --address or --socket, else $PENSTOCK_ADDRESS or
// $PENSTOCK_SOCKET, else the usual place. Files of TLS likewise.
DaemonAddress AddressOf(const Arguments& globals);

}  // namespace penstock::cli
