// SPDX-License-Identifier: Apache-2.0
#include "engine/base/time.h"

#include <catch2/catch.hpp>

using namespace penstock;  // NOLINT(google-build-using-namespace)

TEST_CASE("Time: RFC 3339 and RFC 5322 forms", "[base][time]") {
  const Time time = FromUnixMillis(1'795'290'480'123);
  CHECK(FormatRfc3339(time) == "2026-11-21T19:48:00.123Z");
  CHECK(FormatRfc5322(time) == "Sat, 21 Nov 2026 19:48:00 +0000");
}

TEST_CASE("FormatDuration: the largest unit that fits", "[base][time]") {
  CHECK(FormatDuration(Milliseconds(500)) == "500ms");
  CHECK(FormatDuration(Milliseconds(1500)) == "1.5s");
  CHECK(FormatDuration(Milliseconds(15'000)) == "15s");
  CHECK(FormatDuration(Milliseconds(120'000)) == "2m");
}
