// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/directory_lint.h"

#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "tests/support/rule_vectors.h"
#include "tests/support/vectors.h"

namespace penstock::flow {

// {"hooks": [{"name": …, "principals": […], "reads": true?}], "rules": (rule_vectors.h),
//  "milters": [{"listener": …, "direction": …, "hold_ms": …}]?}
TEST_CASE("Lint of a directory: vectors", "[flow][lint]") {
  for (const tests::Vector& v : tests::LoadVectors("flow/directory_lint.json")) {
    DYNAMIC_SECTION(v.name) {
      std::vector<Hook> hooks;
      for (const auto& one : v.input.at("hooks")) {
        Hook hook;
        hook.name = one.at("name");
        hook.target = "127.0.0.1:50051";
        for (const std::string& principal : tests::TextsFromJson(one, "principals")) {
          Permission permission;
          permission.statement_id = Cat("allow-", principal);
          permission.organization = principal;
          permission.read = one.value("reads", false);
          hook.permissions.push_back(std::move(permission));
        }
        hooks.push_back(std::move(hook));
      }
      const auto directory = Directory::Build({{"default", {}}, {"acme", {}}}, std::move(hooks),
                                              tests::RulesFromJson(v.input.at("rules")));
      REQUIRE(directory.ok());
      std::vector<OneWayMilter> milters;
      for (const auto& one : v.input.value("milters", nlohmann::json::array())) {
        const bool inbound = one.at("direction") == "INBOUND";
        milters.push_back(
            {one.at("listener"),
             inbound ? rules::FlowDirection::kInbound : rules::FlowDirection::kOutbound,
             Milliseconds(one.at("hold_ms").get<int>())});
      }
      std::vector<std::string> found;
      for (const rules::LintFinding& finding : Lint(**directory, milters)) {
        found.push_back(Cat(Name(finding.kind), finding.rule.empty() ? "" : " ", finding.rule,
                            finding.other.empty() ? "" : " ", finding.other, ": ", finding.text));
      }
      CHECK(found == v.want.get<std::vector<std::string>>());
    }
  }
}

}  // namespace penstock::flow
