// SPDX-License-Identifier: Apache-2.0
#include "engine/base/ids.h"

#include <catch2/catch.hpp>

using namespace penstock;  // NOLINT(google-build-using-namespace)

TEST_CASE("FormatUuid: version 4 and variant bits are set", "[base][ids]") {
  CHECK(FormatUuid(RandomBytes{}) == "00000000-0000-4000-8000-000000000000");
  RandomBytes ones;
  ones.fill(0xff);
  CHECK(FormatUuid(ones) == "ffffffff-ffff-4fff-bfff-ffffffffffff");
}

TEST_CASE("FormatHex: 32 digits, E6", "[base][ids]") {
  RandomBytes bytes{};
  bytes[0] = 0x1f;
  CHECK(FormatHex(bytes) == "1f000000000000000000000000000000");
}

TEST_CASE("ParseUuid: reads what FormatUuid writes and nothing else", "[base][ids]") {
  const std::string uuid = "01234567-89ab-4def-8123-456789abcdef";
  REQUIRE(ParseUuid(uuid));
  CHECK(FormatUuid(*ParseUuid(uuid)) == uuid);
  CHECK_FALSE(ParseUuid("01234567-89ab-4def-8123-456789abcde"));
  CHECK_FALSE(ParseUuid("01234567-89AB-4def-8123-456789abcdef"));
  CHECK_FALSE(ParseUuid("0123456789ab-4def--8123-456789abcdef"));
}
