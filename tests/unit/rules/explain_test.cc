// SPDX-License-Identifier: Apache-2.0
#include "engine/rules/explain.h"

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "tests/support/rule_vectors.h"
#include "tests/support/vectors.h"

using namespace penstock;         // NOLINT(google-build-using-namespace)
using namespace penstock::rules;  // NOLINT(google-build-using-namespace)
using tests::LoadVectors;
using tests::TextsFromJson;
using tests::Vector;

TEST_CASE("Explain: winner, patterns and the reason of each loser", "[rules][explain]") {
  constexpr std::size_t kLosersShown = 10;
  for (const Vector& v : LoadVectors("rules/explain.json")) {
    DYNAMIC_SECTION(v.name) {
      const auto set = RuleSet::Compile(tests::RulesFromJson(v.input.at("rules")));
      REQUIRE(set.ok());
      const Originators originators{TextsFromJson(v.input, "sender"),
                                    TextsFromJson(v.input, "from")};
      const std::vector<std::string> to = {v.input.at("to")};
      const auto explanations = Explain(*set, originators, to);
      REQUIRE(explanations.size() == 1);
      CHECK(ToText(explanations[0], kLosersShown) ==
            Cat(Join(v.want.get<std::vector<std::string>>(), "\n"), "\n"));
    }
  }
}

TEST_CASE("WhyText: one line for the record", "[rules][explain]") {
  FlowRule rule;
  rule.organization = "default";
  rule.name = "r";
  rule.sender_patterns = {"*.example.com"};
  rule.recipient_patterns = {"*"};
  const auto set = RuleSet::Compile({rule});
  REQUIRE(set.ok());
  const auto why = [&](const Originators& originators) {
    const OriginatorMatches matches(*set, originators);
    return WhyText(originators, Select(*set, matches, "b@example.net"));
  };
  CHECK(why({{}, {"x@example.org", "a@b.example.com"}}) ==
        "sender *.example.com matches From a@b.example.com, recipient * matches");
  CHECK(why({{"a@example.com"}, {}}) ==
        "sender *.example.com matches Sender a@example.com, recipient * matches");
  CHECK(why({}) == "no rule matches");
}

TEST_CASE("LossReason: each has a name of its own", "[rules][explain]") {
  std::vector<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(LossReason::kLaterName); ++i)
    names.push_back(Name(static_cast<LossReason>(i)));
  CHECK(names == std::vector<std::string_view>{"NO_SENDER_MATCH", "NO_RECIPIENT_MATCH",
                                               "SENDER_FIELD_FIRST", "LESS_SPECIFIC_SENDER",
                                               "LESS_SPECIFIC_RECIPIENT", "LESS_RESTRICTIVE_ACTION",
                                               "LATER_NAME"});
}
