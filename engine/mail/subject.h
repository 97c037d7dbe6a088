// SPDX-License-Identifier: Apache-2.0
// The Subject as a person reads it (SPEC E4).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace penstock::mail {

// Returns a Subject field's raw body unfolded, its encoded words decoded (RFC 2047, every charset
// that GMime reads), cut to limits::kSubjectCodePointsMax code points without an ellipsis.
//   Always valid UTF-8 and one line. Octets that are no UTF-8 outside encoded words are read as
//   Windows-1252, which includes Latin-1. A broken encoded word stays as it is written.
//   CR and LF that come out of an encoded word become spaces, NUL becomes U+FFFD: what a hook
//   pastes into a header of its own cannot add fields to it.
std::string DecodeSubject(std::string_view raw_body);

// Returns `text` cut to `code_points_max` code points; `text` is valid UTF-8.
std::string_view CutCodePoints(std::string_view text, std::size_t code_points_max);

}  // namespace penstock::mail
