// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/address_literal.h"

#include <catch2/catch.hpp>

using namespace penstock::mail;  // NOLINT(google-build-using-namespace)

TEST_CASE("IsIpv4Address: four numbers up to 255 without leading zeros",
          "[mail][address_literal]") {
  for (const char* good : {"0.0.0.0", "192.0.2.1", "255.255.255.255"}) {
    CAPTURE(good);
    CHECK(IsIpv4Address(good));
  }
  for (const char* bad : {"", "1.2.3", "1.2.3.4.5", "256.0.0.1", "1.2.3.04", "1..2.3", "1.2.3.4 ",
                          "+1.2.3.4", "0x1.2.3.4", "1.2.3.-4", "1.2.3.1000"}) {
    CAPTURE(bad);
    CHECK_FALSE(IsIpv4Address(bad));
  }
}

TEST_CASE("IsIpv6Address: the forms of RFC 4291", "[mail][address_literal]") {
  for (const char* good :
       {"::", "::1", "1::", "2001:db8::1", "2001:DB8:0:0:8:800:200C:417A", "::ffff:192.0.2.1",
        "1:2:3:4:5:6:192.0.2.1", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8"}) {
    CAPTURE(good);
    CHECK(IsIpv6Address(good));
  }
  for (const char* bad : {"", ":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
                          "1:2:3:4:5:6:7:8::", "1::2::3", "12345::", "g::", "192.0.2.1::",
                          "1:2:3:4:5:6:7:192.0.2.1", "fe80::1%eth0", "::1 ", ":1::2", "1::2:"}) {
    CAPTURE(bad);
    CHECK_FALSE(IsIpv6Address(bad));
  }
}

TEST_CASE("IsAddressLiteral: brackets, and a tag before IPv6", "[mail][address_literal]") {
  for (const char* good : {"[192.0.2.1]", "[IPv6:::1]", "[ipv6:2001:db8::1]"}) {
    CAPTURE(good);
    CHECK(IsAddressLiteral(good));
  }
  for (const char* bad : {"", "[", "]", "[]", "192.0.2.1", "[192.0.2.1", "[::1]",
                          "[IPv6:192.0.2.1]", "[IPv6:]", "[x400:abc]"}) {
    CAPTURE(bad);
    CHECK_FALSE(IsAddressLiteral(bad));
  }
}

TEST_CASE("AddressLiteral: what it makes is one, and nothing else is made",
          "[mail][address_literal]") {
  CHECK(AddressLiteral("192.0.2.1") == "[192.0.2.1]");
  CHECK(AddressLiteral("2001:db8::1") == "[IPv6:2001:db8::1]");
  CHECK(AddressLiteral("a.example").empty());
  CHECK(AddressLiteral("").empty());
}
