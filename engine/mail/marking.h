// SPDX-License-Identifier: Apache-2.0
// Fields taken out of, and put on top of, a header section (SPEC A1): every other octet stays, so
// that signatures over other fields hold (M7).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace penstock::mail {

// Returns `header_section` without the fields of those names (ASCII case-insensitive).
//   `header_section`: octets from the first of the message, at least up to the body
//   (HeaderSection); what follows the fields is kept as well.
std::string RemoveFields(std::string_view header_section,
                         const std::vector<std::string_view>& names);

// Returns "name: body\r\n" for the top of a header section. Octets that would end the line or are
// no printable ASCII become "?"; a name is checked when it is configured (IsFieldName).
std::string MakeField(std::string_view name, std::string_view body);

// Printable ASCII without ":" and space, 1 to 77 octets (RFC 5322 §2.2).
bool IsFieldName(std::string_view name);

}  // namespace penstock::mail
