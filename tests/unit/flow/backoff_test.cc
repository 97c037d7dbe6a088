// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/backoff.h"

#include <limits>

#include <catch2/catch.hpp>

#include "tests/support/vectors.h"

using namespace penstock::flow;  // NOLINT(google-build-using-namespace)
using std::chrono::milliseconds;

namespace {

BackoffPolicy PolicyOf(const std::string& name) {
  if (name == "sync") return kSyncRetry;
  if (name == "async") return kAsyncRetry;
  REQUIRE(name == "delivery");
  return kDeliveryRetry;
}

}  // namespace

TEST_CASE("Backoff: vectors", "[flow][backoff]") {
  for (const auto& v : penstock::tests::LoadVectors("flow/backoff.json")) {
    DYNAMIC_SECTION(v.name) {
      const BackoffPolicy policy = PolicyOf(v.input.at("policy"));
      int attempt = 1;
      for (const auto& want : v.want) {
        CAPTURE(attempt);
        CHECK(Backoff(policy, attempt, v.input.at("random")) == milliseconds(want));
        ++attempt;
      }
    }
  }
}

TEST_CASE("Backoff: no attempt number and no random number leads out of its range",
          "[flow][backoff]") {
  for (const int attempt : {-1, 0, 1, 63, 64, std::numeric_limits<int>::max()}) {
    for (const double random : {-1.0, 0.0, 0.5, 0.999999, 1.0, 7.0}) {
      const milliseconds wait = Backoff(kSyncRetry, attempt, random);
      CHECK(wait >= milliseconds(0));
      CHECK(wait <= kSyncRetry.max);
    }
  }
}
