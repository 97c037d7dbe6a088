// SPDX-License-Identifier: Apache-2.0
#include "engine/async/endpoint.h"

#include <string>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <catch2/catch.hpp>

using namespace penstock;         // NOLINT(google-build-using-namespace)
using namespace penstock::async;  // NOLINT(google-build-using-namespace)

TEST_CASE("Endpoint: what Parse takes prints the same", "[async][endpoint]") {
  for (const std::string text : {"127.0.0.1:25", "[::1]:2525", "[2001:db8::1]:0", "mx.example:25",
                                 "unix:/run/penstock/smtp", "localhost:65535", "unix:/a b:25"}) {
    CAPTURE(text);
    const auto endpoint = Endpoint::Parse(text);
    REQUIRE(endpoint.ok());
    CHECK(endpoint->ToString() == text);
    CHECK(endpoint->unix_path.empty() == !text.starts_with("unix:"));
  }
}

TEST_CASE("Endpoint: Parse says what is wrong and what was expected", "[async][endpoint]") {
  struct Case {
    std::string text;
    std::string why;
  };

  const Case cases[] = {
      {"", "there is no port"},
      {"127.0.0.1", "there is no port"},
      {":25", "there is no host"},
      {"[]:25", "no IPv6 address"},
      {"127.0.0.1:", "no number"},
      {"127.0.0.1:65536", "no number"},
      {"127.0.0.1:-1", "no number"},
      {"127.0.0.1:25x", "no number"},
      {"::1:25", "stands in brackets"},
      {"[127.0.0.1]:25", "no IPv6 address"},
      {"[::1:25", "stands in brackets"},
      {"mx example:25", "white space"},
      {"unix:", "not absolute"},
      {"unix:run/smtp", "not absolute"},
      {"unix:/" + std::string(107, 'a'), "longer than 107 octets"},
      {std::string("unix:/a\0b", 9), "NUL"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const auto endpoint = Endpoint::Parse(c.text);
    REQUIRE_FALSE(endpoint.ok());
    CHECK(endpoint.status().code() == StatusCode::kInvalidArgument);
    CHECK(Message(endpoint.status()).find(c.why) != std::string_view::npos);
    CHECK(Message(endpoint.status()).find("host:port") != std::string_view::npos);
  }
}

TEST_CASE("SocketAddress: text, IP address and port", "[async][endpoint]") {
  using asio::ip::make_address;
  using asio::ip::tcp;
  const SocketAddress v4(tcp::endpoint(make_address("192.0.2.1"), 25));
  CHECK(ToString(v4) == "192.0.2.1:25");
  CHECK(IpAddressOf(v4) == "192.0.2.1");
  CHECK(PortOf(v4) == 25);
  const SocketAddress v6(tcp::endpoint(make_address("2001:db8::1"), 465));
  CHECK(ToString(v6) == "[2001:db8::1]:465");
  CHECK(IpAddressOf(v6) == "2001:db8::1");
  const SocketAddress mapped(tcp::endpoint(make_address("::ffff:192.0.2.1"), 25));
  CHECK(IpAddressOf(mapped) == "192.0.2.1");
  const SocketAddress local(asio::local::stream_protocol::endpoint("/run/x"));
  CHECK(ToString(local) == "unix:/run/x");
  CHECK(IpAddressOf(local).empty());
  CHECK(PortOf(local) == 0);
  CHECK(IpAddressOf(SocketAddress()).empty());
}
