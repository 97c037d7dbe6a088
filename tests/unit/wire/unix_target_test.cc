// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/unix_target.h"

#include <catch2/catch.hpp>

namespace penstock::wire {

TEST_CASE("UnixTarget: what a URI does not take is encoded", "[wire][target]") {
  CHECK(UnixTarget("/run/penstock/admin.sock") == "unix:/run/penstock/admin.sock");
  CHECK(UnixTarget("/a b%20é#?") == "unix:/a%20b%2520%C3%A9%23%3F");
}

}  // namespace penstock::wire
