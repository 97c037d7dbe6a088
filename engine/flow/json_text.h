// SPDX-License-Identifier: Apache-2.0
// Strings as JSON text (RFC 8259 §7), written the way nlohmann/json's dump() writes them: only `"`,
// `\` and control characters are escaped, U+FFFD stands for what is not UTF-8.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace penstock::flow {

// Returns the count of octets of `text` as a JSON string, its quotes counted.
std::size_t JsonStringOctets(std::string_view text);

// Writes `text` as a JSON string to `out`, which has room for JsonStringOctets(text); returns the
// end.
char* WriteJsonString(char* out, std::string_view text);

// Appends `text` as a JSON string to `out`.
void AppendJsonString(std::string& out, std::string_view text);

}  // namespace penstock::flow
