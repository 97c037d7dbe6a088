// SPDX-License-Identifier: Apache-2.0
// From the words of a command line to the command they name, with everything checked that can be
// checked without the daemon. CLI11 is behind this header.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/penstock/command.h"

namespace penstock::cli {

struct ParsedLine {
  const Command* command = nullptr;  // null: `text` says what there is to say
  Arguments arguments;               // the command's own
  Arguments globals;                 // GlobalParameters()
  Exit exit = Exit::kOk;
  std::string text;  // the help, the version; or with kUsage what is wrong
};

// `words` are what follows the program's name.
ParsedLine ParseLine(const std::vector<std::string>& words);

// The parameter that feeds a field of the request, such as "flow_rule.sender_patterns[2]"; null if
// none does.
const Parameter* ParameterOfField(const Command& command, std::string_view field);

}  // namespace penstock::cli
