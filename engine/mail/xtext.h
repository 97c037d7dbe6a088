// SPDX-License-Identifier: Apache-2.0
// xtext (RFC 3461 §4): printable ASCII in a parameter of SMTP, all else as "+XX". Values of ENVID
// and ORCPT, and of XCLIENT's and XFORWARD's attributes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace penstock::mail {

// Null: no xtext ("+" without two upper-case hexadecimal digits), or its text holds control
// characters or is no UTF-8, and belongs into no record.
std::optional<std::string> DecodeXtext(std::string_view xtext);

// Encodes "+", "=", white space, and every octet that is no printable ASCII.
std::string EncodeXtext(std::string_view text);

}  // namespace penstock::mail
