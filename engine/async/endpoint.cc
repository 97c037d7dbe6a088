// SPDX-License-Identifier: Apache-2.0
#include "engine/async/endpoint.h"

#include <cstring>
#include <optional>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "engine/base/limits.h"
#include "engine/base/strings.h"

namespace penstock::async {
namespace {

using asio::ip::tcp;

constexpr std::string_view kUnixPrefix = "unix:";

Status ParseError(std::string_view text, std::string_view why) {
  return InvalidArgument(
      Cat("endpoint \"", Printable(text), "\": ", why,
          R"(: expected "host:port", "[IPv6 address]:port" or "unix:/absolute/path")"));
}

// Copies the socket address out, whatever alignment Asio keeps it in. nullopt: of another family.
template <class Sockaddr>
std::optional<Sockaddr> As(const SocketAddress& address, int family) {
  if (address.size() < sizeof(sa_family_t) || address.data()->sa_family != family) {
    return std::nullopt;
  }
  Sockaddr out{};
  std::memcpy(&out, address.data(), std::min(sizeof out, address.size()));
  return out;
}

std::optional<tcp::endpoint> TcpEndpoint(const SocketAddress& address) {
  if (const auto v4 = As<sockaddr_in>(address, AF_INET)) {
    return tcp::endpoint(asio::ip::address_v4(ntohl(v4->sin_addr.s_addr)), ntohs(v4->sin_port));
  }
  if (const auto v6 = As<sockaddr_in6>(address, AF_INET6)) {
    asio::ip::address_v6::bytes_type bytes;
    std::memcpy(bytes.data(), &v6->sin6_addr, bytes.size());
    return tcp::endpoint(asio::ip::address_v6(bytes, v6->sin6_scope_id), ntohs(v6->sin6_port));
  }
  return std::nullopt;
}

std::string UnixPathOf(const SocketAddress& address) {
  const auto local = As<sockaddr_un>(address, AF_UNIX);
  if (!local || address.size() <= offsetof(sockaddr_un, sun_path)) return {};
  const std::size_t octets = address.size() - offsetof(sockaddr_un, sun_path);
  return {local->sun_path, strnlen(local->sun_path, octets)};
}

}  // namespace

StatusOr<Endpoint> Endpoint::Parse(std::string_view text) {
  Endpoint endpoint;
  if (text.starts_with(kUnixPrefix)) {
    endpoint.unix_path = std::string(text.substr(kUnixPrefix.size()));
    if (!endpoint.unix_path.starts_with('/')) return ParseError(text, "the path is not absolute");
    if (endpoint.unix_path.size() >= sizeof(sockaddr_un::sun_path)) {
      return ParseError(text, Cat("the path is longer than ", sizeof(sockaddr_un::sun_path) - 1,
                                  " octets, a unix socket's limit"));
    }
    if (endpoint.unix_path.find('\0') != std::string::npos) {
      return ParseError(text, "the path holds a NUL");
    }
    return endpoint;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return ParseError(text, "there is no port");
  std::string_view host = text.substr(0, colon);
  const auto port = ParseInt<std::uint16_t>(text.substr(colon + 1));
  if (!port) return ParseError(text, "the port is no number from 0 to 65535");
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    boost::system::error_code error;
    asio::ip::make_address_v6(host, error);
    if (error) return ParseError(text, "what stands in brackets is no IPv6 address");
  } else if (host.find(':') != std::string_view::npos) {
    return ParseError(text, "an IPv6 address stands in brackets");
  }
  if (host.empty()) return ParseError(text, "there is no host");
  for (const char c : host) {
    if (c <= ' ' || c == 0x7F) return ParseError(text, "the host holds white space");
  }
  endpoint.host = std::string(host);
  endpoint.port = *port;
  return endpoint;
}

std::string Endpoint::ToString() const {
  if (!unix_path.empty()) return Cat(kUnixPrefix, unix_path);
  if (host.find(':') != std::string::npos) return Cat("[", host, "]:", port);
  return Cat(host, ":", port);
}

Task<std::vector<SocketAddress>> Resolve(Endpoint endpoint) {
  std::vector<SocketAddress> addresses;
  if (!endpoint.unix_path.empty()) {
    if (endpoint.unix_path.size() >= sizeof(sockaddr_un::sun_path)) {
      co_return InvalidArgument(Cat(endpoint.ToString(), ": path too long for a unix socket"));
    }
    addresses.emplace_back(asio::local::stream_protocol::endpoint(endpoint.unix_path));
    co_return addresses;
  }
  boost::system::error_code not_an_address;
  const auto ip = asio::ip::make_address(endpoint.host, not_an_address);
  if (!not_an_address) {
    addresses.emplace_back(tcp::endpoint(ip, endpoint.port));
    co_return addresses;
  }
  tcp::resolver resolver(co_await asio::this_coro::executor);
  const std::string port = Cat(endpoint.port);
  const auto [error, found] = co_await resolver.async_resolve(
      endpoint.host, port, tcp::resolver::numeric_service, asio::as_tuple(asio::use_awaitable));
  if (error == asio::error::operation_aborted) co_return Cancelled("cancelled");
  if (error) co_return Unavailable(Cat("host ", endpoint.host, ": ", error.message()));
  for (const auto& entry : found) {
    if (addresses.size() == limits::kAddressesMax) break;
    addresses.emplace_back(entry.endpoint());
  }
  if (addresses.empty()) co_return Unavailable(Cat("host ", endpoint.host, ": has no address"));
  co_return addresses;
}

std::string ToString(const SocketAddress& address) {
  if (const auto tcp = TcpEndpoint(address)) {
    const std::string ip = tcp->address().to_string();
    return tcp->address().is_v6() ? Cat("[", ip, "]:", tcp->port()) : Cat(ip, ":", tcp->port());
  }
  return Cat(kUnixPrefix, UnixPathOf(address));
}

std::string IpAddressOf(const SocketAddress& address) {
  const auto tcp = TcpEndpoint(address);
  if (!tcp) return {};
  if (tcp->address().is_v6() && tcp->address().to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, tcp->address().to_v6()).to_string();
  }
  return tcp->address().to_string();
}

std::uint16_t PortOf(const SocketAddress& address) {
  const auto tcp = TcpEndpoint(address);
  return tcp ? tcp->port() : std::uint16_t{0};
}

}  // namespace penstock::async
