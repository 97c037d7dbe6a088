// SPDX-License-Identifier: Apache-2.0
// Quoted-printable (RFC 2045 §6.7).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace penstock::mail {

// Returns `text` in lines of at most 76 printable ASCII octets that end in CRLF. LF and CRLF are
// line ends of the text; a CR alone is an octet of it. A last line without an end gets one.
std::string EncodeQuotedPrintable(std::string_view text);

// Returns what `text` encodes, its line ends as they are; white space at the end of a line is not
// of it. nullopt if a "=" stands there that neither encodes an octet nor ends a line.
std::optional<std::string> DecodeQuotedPrintable(std::string_view text);

}  // namespace penstock::mail
