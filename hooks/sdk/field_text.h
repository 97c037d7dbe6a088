// SPDX-License-Identifier: Apache-2.0
// Text as the body of a header field: folded (RFC 5322 §2.2.3), and encoded where it is no ASCII
// (RFC 2047).
#pragma once

#include <string>
#include <string_view>

#include "engine/base/status.h"

namespace penstock::sdk {

// Returns what stands behind "name:", without the last line's end: lines of at most 78 octets where
// the text has spaces to fold at. `text`: UTF-8 on one line; white space at its ends is dropped.
//   ASCII is written as it is, so text that is encoded already stays so. Other text becomes encoded
//   words, which only fields of free text may have: INVALID_ARGUMENT for fields with a grammar
//   (To, List-Id, …), for control characters, which would make lines of their own, for ill-formed
//   UTF-8, and for a word that no line of 998 octets holds.
StatusOr<std::string> EncodeFieldBody(std::string_view name, std::string_view text);

// Returns the one encoded word of `text`, at most kEncodedWordOctets of UTF-8.
std::string EncodedWord(std::string_view text);

inline constexpr std::size_t kEncodedWordOctets = 45;  // RFC 2047 §2: a word of 75 characters

}  // namespace penstock::sdk
