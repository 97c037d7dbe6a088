// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/figures.h"

#include <catch2/catch.hpp>

#include "engine/base/limits.h"
#include "engine/base/strings.h"

namespace penstock::runtime {

TEST_CASE("Figures: each name has its own", "[runtime][figures]") {
  Figures figures;
  figures.Waits("a", 1);
  figures.Waits("a", -1);
  figures.Runs("a", 1);
  figures.Succeeded("a");
  figures.Failed("b", "connection refused", FromUnixMillis(7));
  CHECK(figures.Of("a").running == 1);
  CHECK(figures.Of("a").waiting == 0);
  CHECK(figures.Of("a").succeeded == 1);
  CHECK(figures.Of("b").failed == 1);
  CHECK(figures.Of("b").last_error == "connection refused");
  CHECK(figures.Of("b").last_error_time == FromUnixMillis(7));
  CHECK(figures.Of("c").failed == 0);
}

TEST_CASE("Figures: an error that has passed is forgotten, its count stays", "[runtime][figures]") {
  Figures figures;
  figures.Failed("a", "down", FromUnixMillis(1));
  figures.ForgetError("a");
  CHECK(figures.Of("a").last_error.empty());
  CHECK(figures.Of("a").failed == 1);
}

TEST_CASE("Figures: a hook's attempts are counted, and for a while with their times",
          "[runtime][figures]") {
  Figures figures;
  const std::string error = "not yet";
  const Time now = FromUnixMillis(1'000'000);
  figures.Ended("a", nullptr, Milliseconds(3), now);
  figures.Ended("a", &error, Milliseconds(5), now);
  CHECK(figures.Of("a").succeeded == 1);
  CHECK(figures.Of("a").failed == 1);
  CHECK(figures.Of("a").last_error == "not yet");
  CHECK(figures.Of("a").last_error_time == now);
  CHECK(figures.Recent("a", now).ended == 2);
  CHECK(figures.Recent("a", now).failed == 1);
  CHECK(figures.Recent("a", now).p50 == Milliseconds(3));
  CHECK(figures.Recent("a", now).p99 == Milliseconds(5));
  CHECK(figures.Recent("a", now + std::chrono::minutes(1)).ended == 0);
  CHECK(figures.Of("a").failed == 1);
  CHECK(figures.Recent("b", now).ended == 0);
}

TEST_CASE("Figures: past the limit of names nothing more is kept", "[runtime][figures]") {
  Figures figures;
  for (std::size_t i = 0; i < limits::kFiguresMax; ++i)
    figures.Succeeded(Cat("h", i));
  figures.Succeeded("one more");
  figures.Succeeded("h0");
  CHECK(figures.Of("one more").succeeded == 0);
  CHECK(figures.Of("h0").succeeded == 2);
}

}  // namespace penstock::runtime
