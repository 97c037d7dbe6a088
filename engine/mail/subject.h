// SPDX-License-Identifier: Apache-2.0
// The Subject (SPEC E4), and other fields of free text, as a person reads them.
#pragma once

#include <string>
#include <string_view>

namespace penstock::mail {

// Returns the raw body of a field of free text unfolded, its encoded words decoded (RFC 2047, every
// charset that GMime reads); of it at most the first limits::kSubjectOctetsMax octets.
//   Always valid UTF-8 and one line. Octets that are no UTF-8 outside encoded words are read as
//   Windows-1252, which includes Latin-1. An encoded word stays as it
//   is written if its charset is unknown, its encoding neither B nor Q, or its base64 broken.
//   CR and LF that come out of an encoded word become spaces, NUL becomes U+FFFD: what a hook
//   pastes into a header of its own cannot add fields to it.
std::string DecodeFieldText(std::string_view raw_body);

// Returns a Subject field's text so, cut to limits::kSubjectCodePointsMax code points without an
// ellipsis.
std::string DecodeSubject(std::string_view raw_body);

}  // namespace penstock::mail
