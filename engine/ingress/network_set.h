// SPDX-License-Identifier: Apache-2.0
// IP networks, for the clients that a listener trusts (O3).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"

namespace penstock::ingress {

// Threads: const, safe from any.
class NetworkSet {
 public:
  // Reads "192.0.2.0/24", "2001:db8::/32", or an address alone, "192.0.2.1".
  //   Errors: kInvalidArgument, with the network as it should be: no address, prefix out of range,
  //   bits set behind the prefix ("192.0.2.1/24" is a network or an address, but which?).
  static StatusOr<NetworkSet> Parse(const std::vector<std::string>& networks);

  // Whether `ip_address` lies in one of them. An IPv4 address mapped into IPv6 (RFC 4291 §2.5.5.2)
  // is the IPv4 address. False for what is no address.
  [[nodiscard]] bool Contains(std::string_view ip_address) const;

  [[nodiscard]] bool empty() const { return networks_.empty(); }

 private:
  // IPv4 as IPv6, mapped.
  using Address = std::array<std::uint8_t, 16>;

  struct Network {
    Address address;
    unsigned prefix = 0;  // 0..128
  };

  static bool ParseAddress(std::string_view text, Address& out);
  static bool IsIn(const Address& address, const Network& network);

  std::vector<Network> networks_;
};

}  // namespace penstock::ingress
