// SPDX-License-Identifier: Apache-2.0
// Files that a command line names; "-" is standard input.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "engine/base/status.h"

#include "tools/penstock/command.h"

namespace penstock::cli {

// Reads a whole file of at most `octets_max` octets. `option` is what named it.
//   Errors: kInvalidArgument, beginning with option and path.
StatusOr<std::string> ReadInput(std::string_view option, const std::string& path,
                                std::size_t octets_max);

// Reads the beginning of a message, in which its header section is.
StatusOr<std::string> ReadHeader(std::string_view option, const std::string& path);

// For Command::check: standard input can be read once.
Status CheckOneStandardInput(const Arguments& arguments, std::string_view first,
                             std::string_view second);

}  // namespace penstock::cli
