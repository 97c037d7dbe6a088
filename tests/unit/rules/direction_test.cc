// SPDX-License-Identifier: Apache-2.0
#include "engine/rules/direction.h"

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "tests/support/rule_vectors.h"
#include "tests/support/vectors.h"

using namespace penstock;         // NOLINT(google-build-using-namespace)
using namespace penstock::rules;  // NOLINT(google-build-using-namespace)
using tests::LoadVectors;
using tests::Vector;

namespace {

DomainTable Table() {
  const std::vector<Organization> organizations = {{"default", {"example.com"}},
                                                   {"other", {"example.org"}}};
  return *DomainTable::Build(organizations);
}

}  // namespace

TEST_CASE("DirectionOf: a listener's mode, the client and the sender decide",
          "[rules][direction]") {
  const DomainTable table = Table();
  for (const Vector& v : LoadVectors("rules/direction.json")) {
    DYNAMIC_SECTION(v.name) {
      const std::string word = v.input.at("mode");
      const DirectionMode mode = word == "inbound"    ? DirectionMode::kInbound
                                 : word == "outbound" ? DirectionMode::kOutbound
                                                      : DirectionMode::kAuto;
      REQUIRE((mode != DirectionMode::kAuto || word == "auto"));
      std::vector<mail::Mailbox> from;
      for (const std::string& text : tests::TextsFromJson(v.input, "from"))
        from.push_back(*mail::Mailbox::Parse(text));
      const std::string mail_from = v.input.at("mail_from");
      const Direction direction =
          DirectionOf(mode, "named", {v.input.at("trusted"), mail_from, from}, table);
      CHECK(Cat(Name(direction.direction), direction.organization.empty() ? "" : " ",
                direction.organization) == v.want.get<std::string>());
    }
  }
}

// O1, O3
TEST_CASE("SplitByOrganization: one part an organization, foreign recipients apart",
          "[rules][direction]") {
  const std::vector<std::string> paths = {"a@example.org", "b@example.net", "c@EXAMPLE.com",
                                          "d@example.org", "postmaster",    "e@x.example.com"};
  const InboundSplit split = SplitByOrganization(paths, Table());
  REQUIRE(split.parts.size() == 2);
  CHECK(split.parts[0].organization == "other");
  CHECK(split.parts[0].recipients == std::vector<std::size_t>{0, 3});
  CHECK(split.parts[1].organization == "default");
  CHECK(split.parts[1].recipients == std::vector<std::size_t>{2});
  CHECK(split.foreign == std::vector<std::size_t>{1, 4, 5});
  CHECK(SplitByOrganization({}, Table()).parts.empty());
}
