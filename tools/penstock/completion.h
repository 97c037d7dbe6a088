// SPDX-License-Identifier: Apache-2.0
// Shell completion: small scripts that ask the program itself what may follow, so that they never
// fall behind it. Names of resources are asked of the daemon; where it is not there, there are
// none.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace penstock::cli {

// The hidden first word by which the scripts ask.
inline constexpr std::string_view kCompleteWord = "__complete";

// Returns what may stand in the place of the last of `words` (which may be empty), one a line, each
// with a tab and a description where there is one. Waits for the daemon for a second at most.
std::string Complete(const std::vector<std::string>& words);

// The script of "bash", "zsh" or "fish".
std::string CompletionScript(std::string_view shell);

}  // namespace penstock::cli
