// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/hook_target.h"

#include <algorithm>
#include <cstdint>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/mail/address_literal.h"

namespace penstock::flow {
namespace {

bool IsPort(std::string_view text) {
  const auto port = ParseInt<std::uint16_t>(text);
  return port.has_value() && *port > 0 && text.front() != '0';
}

bool IsHostName(std::string_view text) {
  return !text.empty() && text.size() <= limits::kDomainOctetsMax &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return IsAsciiAlpha(c) || IsAsciiDigit(c) || c == '-' || c == '.' || c == '_';
         });
}

// Takes "host:port" apart; nullopt if it is none.
std::optional<std::string_view> HostOf(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || !IsPort(text.substr(colon + 1))) return std::nullopt;
  const std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    const std::string_view address = host.substr(1, host.size() - 2);
    return mail::IsIpv6Address(address) ? std::optional(address) : std::nullopt;
  }
  return IsHostName(host) ? std::optional(host) : std::nullopt;
}

// "ipv4:" and "ipv6:" take addresses only.
std::optional<HookTarget> ParseAddresses(std::string_view list,
                                         bool (*is_address)(std::string_view)) {
  HookTarget target;
  for (const std::string_view piece : Split(list, ',')) {
    const auto host = HostOf(piece);
    if (!host || !is_address(*host)) return std::nullopt;
    target.hosts.push_back(*host);
    target.addresses.push_back(piece);
  }
  return target;
}

bool IsLoopback(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  return EqualsIgnoreAsciiCase(host, "localhost") || host == "::1" ||
         (host.starts_with("127.") && mail::IsIpv4Address(host));
}

}  // namespace

std::optional<HookTarget> ParseHookTarget(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') return std::nullopt;
  }
  if (text.starts_with("unix:")) {
    text.remove_prefix(5);
    if (text.starts_with("//")) text.remove_prefix(2);  // unix:///path
    return text.starts_with('/') && text.size() > 1 ? std::optional(HookTarget{true, {}, {text}})
                                                    : std::nullopt;
  }
  if (text.starts_with("unix-abstract:")) return HookTarget{true, {}, {}};
  if (text.starts_with("ipv4:")) return ParseAddresses(text.substr(5), mail::IsIpv4Address);
  if (text.starts_with("ipv6:")) return ParseAddresses(text.substr(5), mail::IsIpv6Address);
  if (text.starts_with("dns:")) {
    text.remove_prefix(4);
    if (text.starts_with("//")) {  // dns://authority/host:port; without authority: the system's
      const std::size_t slash = text.find('/', 2);
      if (slash == std::string_view::npos) return std::nullopt;
      text.remove_prefix(slash + 1);
    }
  }
  const auto host = HostOf(text);
  if (!host) return std::nullopt;
  return HookTarget{false, {*host}, {text}};
}

bool IsLocal(const HookTarget& target) {
  return std::all_of(target.hosts.begin(), target.hosts.end(), IsLoopback);
}

std::vector<std::string> AddressesOf(std::string_view target) {
  std::vector<std::string> addresses;
  const auto parsed = ParseHookTarget(target);
  if (!parsed) return addresses;
  for (const std::string_view address : parsed->addresses)
    addresses.push_back(parsed->unix_socket ? Cat("unix:", address) : std::string(address));
  return addresses;
}

}  // namespace penstock::flow
