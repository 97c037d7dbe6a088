// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/directory_difference.h"

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "tests/support/rule_vectors.h"
#include "tests/support/vectors.h"

namespace penstock::flow {
namespace {

// {"organizations": [{"name": …, "domains": […]}], "hooks": [{"name": …, "target": …,
//  "permissions": [principal…]}], "rules": (rule_vectors.h)}; what is left out is empty.
DirectorySnapshot DirectoryFromJson(const tests::Json& json) {
  const auto list = [&json](const char* key) { return json.value(key, tests::Json::array()); };
  std::vector<rules::Organization> organizations;
  for (const auto& one : list("organizations"))
    organizations.push_back({one.at("name"), tests::TextsFromJson(one, "domains")});
  std::vector<Hook> hooks;
  for (const auto& one : list("hooks")) {
    Hook hook;
    hook.name = one.at("name");
    hook.target = one.at("target");
    for (const std::string& principal : tests::TextsFromJson(one, "permissions")) {
      Permission permission;
      permission.statement_id = Cat("allow-", principal);
      permission.organization = principal;
      hook.permissions.push_back(std::move(permission));
    }
    hooks.push_back(std::move(hook));
  }
  const auto directory = Directory::Build(std::move(organizations), std::move(hooks),
                                          tests::RulesFromJson(list("rules")));
  REQUIRE(directory.ok());
  return *directory;
}

std::string NameOf(const Resource& resource) {
  if (const auto* organization = std::get_if<rules::Organization>(&resource)) {
    return Cat("organization ", organization->name);
  }
  if (const auto* hook = std::get_if<Hook>(&resource)) return Cat("hook ", hook->name);
  const auto& rule = std::get<rules::FlowRule>(resource);
  return Cat("rule ", rule.organization, " ", Name(rule.direction), " ", rule.name);
}

std::string ToText(const ResourceDifference& difference) {
  if (!difference.before) return Cat("created ", NameOf(*difference.after));
  if (!difference.after) return Cat("removed ", NameOf(*difference.before));
  CHECK(NameOf(*difference.before) == NameOf(*difference.after));
  return Cat("updated ", NameOf(*difference.after));
}

}  // namespace

TEST_CASE("Difference: vectors", "[flow][difference]") {
  for (const tests::Vector& v : tests::LoadVectors("flow/directory_difference.json")) {
    DYNAMIC_SECTION(v.name) {
      const DirectorySnapshot before = DirectoryFromJson(v.input.at("before"));
      const DirectorySnapshot after = DirectoryFromJson(v.input.at("after"));
      std::vector<std::string> texts;
      for (const ResourceDifference& difference : Difference(*before, *after))
        texts.push_back(ToText(difference));
      CHECK(texts == v.want.get<std::vector<std::string>>());
      CHECK(Difference(*before, *before).empty());
      CHECK(Difference(*after, *after).empty());
      // The way back is as long.
      CHECK(Difference(*after, *before).size() == texts.size());
    }
  }
}

TEST_CASE("Difference: has both sides of what changed", "[flow][difference]") {
  const auto before = Directory::Build({{"default", {"a.example"}}}, {}, {}).value();
  const auto after = Directory::Build({{"default", {"b.example"}}}, {}, {}).value();
  const auto differences = Difference(*before, *after);
  REQUIRE(differences.size() == 1);
  CHECK(std::get<rules::Organization>(*differences[0].before).domains.front() == "a.example");
  CHECK(std::get<rules::Organization>(*differences[0].after).domains.front() == "b.example");
}

}  // namespace penstock::flow
