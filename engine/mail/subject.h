// SPDX-License-Identifier: Apache-2.0
// The Subject as a person reads it (SPEC E4).
#pragma once

#include <string>
#include <string_view>

namespace penstock::mail {

// Returns a Subject field's raw body unfolded, its encoded words decoded (RFC 2047, every charset
// that GMime reads), cut to limits::kSubjectCodePointsMax code points without an ellipsis.
//   Always valid UTF-8 and one line. Octets that are no UTF-8 outside encoded words are read as
//   Windows-1252, which includes Latin-1. An encoded word stays as it
//   is written if its charset is unknown, its encoding neither B nor Q, or its base64 broken.
//   CR and LF that come out of an encoded word become spaces, NUL becomes U+FFFD: what a hook
//   pastes into a header of its own cannot add fields to it.
std::string DecodeSubject(std::string_view raw_body);

}  // namespace penstock::mail
