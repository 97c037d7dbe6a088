// SPDX-License-Identifier: Apache-2.0
#include "engine/ingress/network_set.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/support/vectors.h"

using namespace penstock;           // NOLINT(google-build-using-namespace)
using namespace penstock::ingress;  // NOLINT(google-build-using-namespace)
using penstock::tests::LoadVectors;

TEST_CASE("NetworkSet: vectors", "[ingress][network]") {
  for (const auto& v : LoadVectors("ingress/network_set.json")) {
    DYNAMIC_SECTION(v.name) {
      const auto set = NetworkSet::Parse(v.input.get<std::vector<std::string>>());
      if (v.want.contains("error")) {
        REQUIRE_FALSE(set.ok());
        CHECK(set.status().code() == StatusCode::kInvalidArgument);
        CHECK(Message(set.status()) == v.want.at("error").get<std::string>());
        continue;
      }
      INFO(set.status());
      REQUIRE(set.ok());
      CHECK(set->empty() == v.input.empty());
      for (const std::string address : v.want.at("in")) {
        CAPTURE(address);
        CHECK(set->Contains(address));
      }
      for (const std::string address : v.want.at("out")) {
        CAPTURE(address);
        CHECK_FALSE(set->Contains(address));
      }
    }
  }
}
