// SPDX-License-Identifier: Apache-2.0
// Where to listen or to connect, as a configuration says it, and the socket addresses behind it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/generic/stream_protocol.hpp>

#include "engine/async/task.h"

namespace penstock::async {

// One socket address: IPv4, IPv6 or unix.
using SocketAddress = asio::generic::stream_protocol::endpoint;

struct Endpoint {
  std::string host;        // name or address, without brackets; empty for a unix socket
  std::uint16_t port = 0;  // 0 to listen on any that is free
  std::string unix_path;   // absolute; empty for TCP

  // Reads "192.0.2.1:25", "[2001:db8::1]:25", "mx.example:25" or "unix:/run/penstock/smtp".
  //   Errors: kInvalidArgument, with what was expected.
  static StatusOr<Endpoint> Parse(std::string_view text);

  // The text that Parse reads.
  [[nodiscard]] std::string ToString() const;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// Returns the socket addresses of `endpoint`: one, or for a host name all that the system's
// resolver gives, in its order, at most limits::kAddressesMax. An address needs no resolver; a name
// waits as long as the resolver's own configuration says.
//   Errors: kUnavailable (no such host, resolver not there), kInvalidArgument (unix path too long).
Task<std::vector<SocketAddress>> Resolve(Endpoint endpoint);

// Returns "192.0.2.1:25", "[2001:db8::1]:25" or "unix:/path".
std::string ToString(const SocketAddress& address);

// Returns the IP address alone, "192.0.2.1" or "2001:db8::1"; an IPv4 address mapped into IPv6
// (RFC 4291 §2.5.5.2) as IPv4. Empty for a unix socket.
std::string IpAddressOf(const SocketAddress& address);

// The TCP port; 0 for a unix socket.
std::uint16_t PortOf(const SocketAddress& address);

}  // namespace penstock::async
