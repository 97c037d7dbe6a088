// SPDX-License-Identifier: Apache-2.0
// Text from a charset and into it (RFC 2045 §2.2), whole or not at all: nothing is replaced.
// Names are those of IANA, without regard to case; "utf-16" goes by its byte order mark, without
// one by RFC 2781 §4.3 (big-endian).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace penstock::mail {

// Returns `octets` as UTF-8; nullopt if the charset is unknown or the octets are not of it.
std::optional<std::string> ToUtf8(std::string_view octets, std::string_view charset);

// Returns `text`, which is UTF-8, in `charset`; nullopt if that is unknown or has not all of its
// characters. Never in "utf-16", of which nobody can say how it would be marked.
std::optional<std::string> FromUtf8(std::string_view text, std::string_view charset);

}  // namespace penstock::mail
