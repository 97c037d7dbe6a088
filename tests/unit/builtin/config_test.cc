// SPDX-License-Identifier: Apache-2.0
#include "hooks/builtin/config.h"

#include <catch2/catch.hpp>

#include "tests/support/vectors.h"
#include "tests/unit/mail/octets.h"

using namespace penstock;           // NOLINT(google-build-using-namespace)
using namespace penstock::builtin;  // NOLINT(google-build-using-namespace)

TEST_CASE("The file of ready-made hooks: vectors", "[builtin]") {
  for (const auto& v : tests::LoadVectors("builtin/config.json")) {
    DYNAMIC_SECTION(v.name) {
      const auto loaded = ParseConfig(tests::Octets(v.input.at("text")), "hooks.yaml");
      std::string want;
      for (const auto& line : v.want.at("faults"))
        want += (want.empty() ? "" : "\n") + line.get<std::string>();
      CHECK(Message(loaded.status()) == want);
    }
  }
}

TEST_CASE("A reload keeps the hooks that it does not change, and what they remember", "[builtin]") {
  const std::string storm = "{name: storm, storm_brake: {messages_max: 3}}";
  const std::string archive = "{name: archive, archive: {addresses: [a@example.com]}}";
  const std::string other = "{name: archive, archive: {addresses: [b@example.com]}}";
  const auto file = [](const std::string& a, const std::string& b) {
    return "hooks: [" + a + ", " + b + "]";
  };
  const auto before = ParseConfig(file(storm, archive), "hooks.yaml");
  REQUIRE(before.ok());
  const auto after = ParseConfig(file(storm, other), "hooks.yaml", &*before);
  REQUIRE(after.ok());
  CHECK(after->hooks.at("storm") == before->hooks.at("storm"));
  CHECK(after->hooks.at("archive") != before->hooks.at("archive"));
  const auto inside = ParseConfig("internal_domains: [example.com]\n" + file(storm, archive),
                                  "hooks.yaml", &*before);
  REQUIRE(inside.ok());
  CHECK(inside->hooks.at("archive") != before->hooks.at("archive"));
  CHECK(inside->hooks.at("storm") == before->hooks.at("storm"));  // asks nobody who is inside
  const auto changed = ParseConfig(file("{name: storm, storm_brake: {messages_max: 4}}", archive),
                                   "hooks.yaml", &*before);
  REQUIRE(changed.ok());
  CHECK(changed->hooks.at("storm") != before->hooks.at("storm"));
}
