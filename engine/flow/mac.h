// SPDX-License-Identifier: Apache-2.0
// HMAC-SHA-256 (RFC 2104, RFC 4868 untruncated) of octets that leave the house and come back:
// capabilities (P2), resume tokens. Each use has a domain that its octets begin with when they are
// signed, so that none signed for one purpose counts for another. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace penstock::flow {

inline constexpr std::size_t kMacOctets = 32;
using Mac = std::array<std::uint8_t, kMacOctets>;

// Of `domain`, then `body`.
Mac MacOf(std::string_view secret, std::string_view domain, std::string_view body);

// Whether `mac`, of any length, is `right`; in a time that does not depend on where it is not.
bool IsMac(std::string_view mac, const Mac& right);

}  // namespace penstock::flow
