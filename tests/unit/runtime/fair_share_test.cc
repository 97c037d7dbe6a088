// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/fair_share.h"

#include <catch2/catch.hpp>

#include "engine/base/limits.h"
#include "engine/base/strings.h"

namespace penstock::runtime {
namespace {

TEST_CASE("FairShare: destinations that hang leave room for the others", "[runtime]") {
  FairShare share;
  std::size_t active = 0;
  // Messages for each come until it turns one back; none is ever given back.
  for (int hanging = 0; hanging < 8; ++hanging) {
    while (!share.Take(Cat("hangs ", hanging), limits::kMessagesActiveMax - active))
      ++active;
  }
  CHECK(active < limits::kMessagesActiveMax);
  CHECK_FALSE(share.Take("works", limits::kMessagesActiveMax - active));
}

TEST_CASE("FairShare: a place given back is there again", "[runtime]") {
  FairShare share;
  REQUIRE_FALSE(share.Take("one", 2));
  REQUIRE_FALSE(share.Take("one", 2));
  REQUIRE(share.Take("one", 2));
  share.Give("one");
  CHECK_FALSE(share.Take("one", 2));
}

TEST_CASE("FairShare: one place there always is", "[runtime]") {
  FairShare share;
  CHECK_FALSE(share.Take("one", 0));
  CHECK(share.Take("one", 0));
}

// However many wait for a hook that hangs, reading them again and again costs little.
TEST_CASE("FairShare: those turned back return one by one", "[runtime]") {
  FairShare share;
  REQUIRE_FALSE(share.Take("one", 1));
  const auto first = share.Take("one", 1);
  REQUIRE(first);
  CHECK(*first >= limits::kTurnBackFirst);
  std::optional<Milliseconds> last;
  for (int i = 0; i < 10'000; ++i)
    last = share.Take("one", 1);
  REQUIRE(last);
  CHECK(*last > *first + 9'000 * limits::kTurnBackSpacing);
  REQUIRE_FALSE(share.Take("other", 1));
  CHECK(*share.Take("other", 1) <= *first);
}

}  // namespace
}  // namespace penstock::runtime
