// SPDX-License-Identifier: Apache-2.0
// UTF-8 that may be broken (RFC 3629). What is ill-formed counts and is shown as U+FFFD, one for
// each maximal subpart (Unicode 15 §3.9, "U+FFFD Substitution of Maximal Subparts"), as browsers,
// Python and nlohmann/json do it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace penstock {

inline constexpr std::string_view kReplacementCharacter = "\xef\xbf\xbd";  // U+FFFD

// One code point, or one ill-formed piece.
struct Utf8Piece {
  std::size_t octets;  // at least 1
  bool valid;
};

// Returns the piece that `text`, which is not empty, begins with.
Utf8Piece FirstUtf8Piece(std::string_view text);

// Returns `text` with every ill-formed piece replaced by U+FFFD.
std::string ToValidUtf8(std::string_view text);

// Returns the first `code_points_max` code points of `text`, ill-formed pieces counting one each.
std::string_view CutCodePoints(std::string_view text, std::size_t code_points_max);

}  // namespace penstock
