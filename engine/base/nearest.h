// SPDX-License-Identifier: Apache-2.0
// "Did you mean": the known word that a mistyped one is closest to.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace penstock {

// Returns the first of `words` with the fewest edits (a character put in, left out, changed, or
// swapped with its neighbour; ASCII case counts for nothing) from `text`; nullopt if even that one
// needs more than a third of its length, or more than 3.
std::optional<std::string> NearestWord(std::string_view text, std::span<const std::string> words);

}  // namespace penstock
