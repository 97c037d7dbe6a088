// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/recent_calls.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include <catch2/catch.hpp>

namespace penstock::runtime {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr Time kStart = Time(seconds(1'790'000'000));  // a slot begins

Milliseconds ExactQuantile(std::vector<Milliseconds> times, std::size_t percent) {
  std::sort(times.begin(), times.end());
  return times[(times.size() * percent + 99) / 100 - 1];
}

}  // namespace

TEST_CASE("RecentCalls: nothing has ended", "[runtime][figures]") {
  const RecentFigures none = RecentCalls().Of(kStart);
  CHECK(none.ended == 0);
  CHECK(none.failed == 0);
  CHECK_FALSE(none.p50.has_value());
  CHECK_FALSE(none.p99.has_value());
  CHECK(none.interval == seconds(50));
  CHECK(RecentCalls().Of(kStart + Milliseconds(9'999)).interval == Milliseconds(59'999));
}

TEST_CASE("RecentCalls: quantiles are at most an eighth too high, never too low",
          "[runtime][figures]") {
  for (const std::int64_t scale : {1, 7, 100, 9'000}) {
    RecentCalls recent;
    std::vector<Milliseconds> times;
    for (std::int64_t i = 0; i < 100; ++i) {
      times.emplace_back(i * i * scale / 100);
      recent.Add(times.back(), false, kStart);
    }
    const RecentFigures figures = recent.Of(kStart);
    CHECK(figures.ended == 100);
    for (const auto& [percent, got] : {std::pair(50, *figures.p50), std::pair(99, *figures.p99)}) {
      const Milliseconds want = ExactQuantile(times, static_cast<std::size_t>(percent));
      CAPTURE(scale, percent, want.count(), got.count());
      CHECK(got >= want);
      CHECK(got <= want + want / 8);
    }
  }
}

TEST_CASE("RecentCalls: what took alike is told to the millisecond", "[runtime][figures]") {
  for (const Milliseconds took : {Milliseconds(0), Milliseconds(15), Milliseconds(15'000),
                                  Milliseconds(minutes(15)), Milliseconds(minutes(60))}) {
    RecentCalls recent;
    for (int i = 0; i < 3; ++i)
      recent.Add(took, true, kStart);
    CHECK(recent.Of(kStart).p50 == took);
    CHECK(recent.Of(kStart).p99 == took);
    CHECK(recent.Of(kStart).failed == 3);
  }
}

TEST_CASE("RecentCalls: a minute later it is forgotten", "[runtime][figures]") {
  RecentCalls recent;
  recent.Add(Milliseconds(1), true, kStart);
  CHECK(recent.Of(kStart + Milliseconds(59'999)).ended == 1);
  CHECK(recent.Of(kStart + seconds(60)).ended == 0);
  recent.Add(Milliseconds(2), false, kStart + seconds(60));  // in the place of the first
  CHECK(recent.Of(kStart + seconds(60)).ended == 1);
  CHECK(recent.Of(kStart + seconds(60)).failed == 0);
  CHECK(recent.Of(kStart + seconds(60)).p99 == Milliseconds(2));
}

TEST_CASE("RecentCalls: a clock that is set back", "[runtime][figures]") {
  RecentCalls recent;
  recent.Add(Milliseconds(1), false, kStart + minutes(5));
  CHECK(recent.Of(kStart).ended == 0);  // of the future
  recent.Add(Milliseconds(1), false, kStart);
  recent.Add(Milliseconds(1), false, kStart + seconds(10));
  CHECK(recent.Of(kStart + seconds(10)).ended == 2);
}

}  // namespace penstock::runtime
