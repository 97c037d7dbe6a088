// SPDX-License-Identifier: Apache-2.0
// H3: a deadline survives a wall clock that is set.
#include "engine/runtime/system_clock.h"

#include <chrono>

#include <catch2/catch.hpp>

namespace penstock::runtime {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

struct Fixture {
  Fixture() : clock([this] { return wall; }, [this] { return steady; }) {
    clock.SetWaits([this] { return waits; });
  }

  void Pass(Milliseconds time) {
    wall += time;
    steady += time;
  }

  Time wall = FromUnixMillis(1'790'000'000'000);
  Time steady = FromUnixMillis(5'000);
  bool waits = false;
  SystemClock clock;
};

TEST_CASE("SystemClock: goes with the wall clock", "[runtime][clock]") {
  Fixture f;
  f.waits = true;
  f.Pass(hours(1));
  CHECK(f.clock.Now() == f.wall);
  // Small corrections are followed, however many.
  for (int i = 0; i < 100; ++i) {
    f.Pass(seconds(60));
    f.wall -= seconds(1);
    CHECK(f.clock.Now() == f.wall);
  }
}

TEST_CASE("SystemClock: a jump while something waits changes no distance", "[runtime][clock]") {
  for (const auto jump : {-hours(3), hours(3), -hours(30'000)}) {
    CAPTURE(jump.count());
    Fixture f;
    f.waits = true;
    const Time deadline = f.clock.Now() + hours(4);
    f.Pass(hours(1));
    f.wall += jump;
    CHECK(deadline - f.clock.Now() == hours(3));
    f.Pass(hours(2));
    CHECK(deadline - f.clock.Now() == hours(1));
    f.wall += jump;  // and again
    f.Pass(hours(1));
    CHECK(f.clock.Now() == deadline);
  }
}

TEST_CASE("SystemClock: a jump is followed when nothing waits", "[runtime][clock]") {
  Fixture f;
  f.wall += hours(3);
  CHECK(f.clock.Now() == f.wall);
  f.waits = true;
  const Time before = f.clock.Now();
  f.wall -= hours(1);
  CHECK(f.clock.Now() == before);
  f.waits = false;
  CHECK(f.clock.Now() == f.wall);
}

}  // namespace
}  // namespace penstock::runtime
