// SPDX-License-Identifier: Apache-2.0
// Base64 (RFC 2045 §6.8, RFC 4648 §4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace penstock::mail {

// Returns `octets` on one line, with padding.
std::string EncodeBase64(std::string_view octets);

// Returns `octets` in lines of 76 characters that end in CRLF; nothing for no octets.
std::string EncodeBase64Lines(std::string_view octets);

// Returns what `text` encodes, or nullopt if it has octets that are neither base64 nor white space,
// padding before its end, or an end within an octet. Padding that is missing is no fault.
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace penstock::mail
