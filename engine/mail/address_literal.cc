// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/address_literal.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "engine/base/strings.h"

namespace penstock::mail {
namespace {

constexpr std::string_view kIpv6Tag = "IPv6:";

bool IsHexGroup(std::string_view group) {
  return !group.empty() && group.size() <= 4 && std::all_of(group.begin(), group.end(), [](char c) {
    const char lower = AsciiLower(c);
    return IsAsciiDigit(c) || (lower >= 'a' && lower <= 'f');
  });
}

// Counts the 16-bit groups of one side of "::" (or of a whole address); -1 if one is malformed.
// `ipv4_last`: the last piece may be an IPv4 address, which is two groups.
int CountGroups(std::string_view text, bool ipv4_last) {
  if (text.empty()) return 0;
  const std::vector<std::string_view> pieces = Split(text, ':');
  int count = 0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (ipv4_last && i + 1 == pieces.size() && IsIpv4Address(pieces[i])) {
      count += 2;
    } else if (IsHexGroup(pieces[i])) {
      count += 1;
    } else {
      return -1;
    }
  }
  return count;
}

}  // namespace

bool IsIpv4Address(std::string_view text) {
  if (text.size() > 15) return false;
  const std::vector<std::string_view> numbers = Split(text, '.');
  return numbers.size() == 4 &&
         std::all_of(numbers.begin(), numbers.end(), [](std::string_view number) {
           const bool leading_zero = number.size() > 1 && number.front() == '0';
           return number.size() <= 3 && !leading_zero &&
                  ParseInt<unsigned>(number).value_or(256) <= 255;
         });
}

bool IsIpv6Address(std::string_view text) {
  constexpr int kGroups = 8;
  if (text.size() > 45) return false;  // the longest form ends in an IPv4 address
  const auto gap = text.find("::");
  if (gap == std::string_view::npos) return CountGroups(text, true) == kGroups;
  const int before = CountGroups(text.substr(0, gap), false);
  const int after = CountGroups(text.substr(gap + 2), true);
  return before >= 0 && after >= 0 && before + after < kGroups;
}

bool IsAddressLiteral(std::string_view text) {
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') return false;
  text = text.substr(1, text.size() - 2);
  if (!StartsWithIgnoreAsciiCase(text, kIpv6Tag)) return IsIpv4Address(text);
  return IsIpv6Address(text.substr(kIpv6Tag.size()));
}

std::string AddressLiteral(std::string_view ip_address) {
  if (IsIpv4Address(ip_address)) return Cat("[", ip_address, "]");
  if (IsIpv6Address(ip_address)) return Cat("[", kIpv6Tag, ip_address, "]");
  return {};
}

}  // namespace penstock::mail
