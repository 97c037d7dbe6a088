// SPDX-License-Identifier: Apache-2.0
#include "engine/ingress/network_set.h"

#include <algorithm>
#include <optional>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "engine/base/strings.h"

namespace penstock::ingress {
namespace {

constexpr unsigned kMappedBits = 96;  // ::ffff:0:0/96 holds the IPv4 addresses

Status NetworkError(std::string_view text, std::string_view why) {
  return InvalidArgument(Cat("network \"", Printable(text), "\": ", why));
}

// `address` with all bits behind `prefix` zero.
template <class Address>
Address Masked(const Address& address, unsigned prefix) {
  Address out{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    const unsigned bits = std::clamp(static_cast<int>(prefix) - static_cast<int>(i * 8), 0, 8);
    out[i] = static_cast<std::uint8_t>(address[i] & (0xFF00U >> bits));
  }
  return out;
}

template <class Address>
bool IsMapped(const Address& address) {
  return std::all_of(address.begin(), address.begin() + 10, [](auto o) { return o == 0; }) &&
         address[10] == 0xFF && address[11] == 0xFF;
}

template <class Address>
std::string ToText(const Address& address) {
  char text[INET6_ADDRSTRLEN] = {};
  const bool v4 = IsMapped(address);
  ::inet_ntop(v4 ? AF_INET : AF_INET6, address.data() + (v4 ? 12 : 0), text, sizeof text);
  return text;
}

}  // namespace

bool NetworkSet::ParseAddress(std::string_view text, Address& out) {
  const std::string c_text(text);
  if (c_text.find('\0') != std::string::npos) return false;
  in_addr v4{};
  if (::inet_pton(AF_INET, c_text.c_str(), &v4) == 1) {
    const auto* octets = reinterpret_cast<const std::uint8_t*>(&v4);
    out = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, octets[0], octets[1], octets[2], octets[3]};
    return true;
  }
  return ::inet_pton(AF_INET6, c_text.c_str(), out.data()) == 1;
}

StatusOr<NetworkSet> NetworkSet::Parse(const std::vector<std::string>& networks) {
  NetworkSet set;
  for (const std::string& text : networks) {
    const std::size_t slash = text.find('/');
    const std::string_view address_text = std::string_view(text).substr(0, slash);
    Network network;
    if (!ParseAddress(address_text, network.address)) {
      return NetworkError(text, "expected an IP address, such as 192.0.2.0/24 or 2001:db8::/32");
    }
    const bool v4 = address_text.find(':') == std::string_view::npos;
    const unsigned bits = v4 ? 32 : 128;
    unsigned prefix = bits;
    if (slash != std::string::npos) {
      const auto given = ParseInt<unsigned>(std::string_view(text).substr(slash + 1));
      if (!given || *given > bits) {
        return NetworkError(text, Cat("the prefix is no number from 0 to ", bits));
      }
      prefix = *given;
    }
    network.prefix = prefix + (v4 ? kMappedBits : 0);
    const Address masked = Masked(network.address, network.prefix);
    if (masked != network.address) {
      return NetworkError(text, Cat("bits are set behind the prefix: write ", ToText(masked), "/",
                                    prefix, " or ", address_text));
    }
    set.networks_.push_back(network);
  }
  return set;
}

bool NetworkSet::IsIn(const Address& address, const Network& network) {
  return Masked(address, network.prefix) == network.address;
}

bool NetworkSet::Contains(std::string_view ip_address) const {
  Address address{};
  if (!ParseAddress(ip_address, address)) return false;
  return std::any_of(networks_.begin(), networks_.end(),
                     [&](const Network& network) { return IsIn(address, network); });
}

}  // namespace penstock::ingress
