// SPDX-License-Identifier: Apache-2.0
// The help texts, made from the same tables as the parser.
#pragma once

#include <string>
#include <string_view>

namespace penstock::cli {

// Returns the help of the whole program (""), of a group ("hook") or of a command ("hook list").
std::string HelpText(std::string_view words);

}  // namespace penstock::cli
