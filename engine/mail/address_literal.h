// SPDX-License-Identifier: Apache-2.0
// Address literals: a host named by its IP address instead of a domain (RFC 5321 §4.1.3).
#pragma once

#include <string>
#include <string_view>

namespace penstock::mail {

// Four decimal numbers 0..255, without leading zeros: "010" is eight to some programs.
bool IsIpv4Address(std::string_view text);

// RFC 4291 §2.2: eight groups, "::" at most once, the last two groups may be an IPv4 address. No
// zone ("%eth0").
bool IsIpv6Address(std::string_view text);

// "[192.0.2.1]" or "[IPv6:2001:db8::1]". A general address literal (§4.1.3) is none: no other tag
// has been registered.
bool IsAddressLiteral(std::string_view text);

// Returns the literal of an address as ClientInfo carries it ("192.0.2.1", "2001:db8::1"); "" if it
// is no IP address.
std::string AddressLiteral(std::string_view ip_address);

}  // namespace penstock::mail
