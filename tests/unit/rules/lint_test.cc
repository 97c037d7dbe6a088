// SPDX-License-Identifier: Apache-2.0
#include "engine/rules/lint.h"

#include <algorithm>
#include <random>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "engine/rules/select.h"
#include "tests/support/rule_vectors.h"
#include "tests/support/vectors.h"

using namespace penstock;         // NOLINT(google-build-using-namespace)
using namespace penstock::rules;  // NOLINT(google-build-using-namespace)
using tests::LoadVectors;
using tests::Vector;

namespace {

std::string Dump(const LintFinding& finding) {
  const std::string where = finding.direction
                                ? Cat(Name(*finding.direction), " ", finding.rule, " ")
                                : Cat(finding.organization, ": ");
  return Cat(where, Name(finding.kind), finding.other.empty() ? "" : " ", finding.other, ": ",
             finding.text);
}

}  // namespace

TEST_CASE("Lint: ties, rules that never win, repeated patterns, quotas", "[rules][lint]") {
  for (const Vector& v : LoadVectors("rules/lint.json")) {
    DYNAMIC_SECTION(v.name) {
      std::vector<std::string> found;
      for (const LintFinding& finding : Lint(tests::RulesFromJson(v.input)))
        found.push_back(Dump(finding));
      CHECK(found == v.want.get<std::vector<std::string>>());
    }
  }
}

// R13
TEST_CASE("CheckQuotas: refuses what lint warns about", "[rules][lint]") {
  FlowRule rule;
  rule.organization = "default";
  rule.name = "r";
  rule.recipient_patterns = {"*"};
  rule.sender_patterns.assign(250, "example.com");
  std::vector<FlowRule> rules(4, rule);
  CHECK(CheckQuotas(rules).ok());
  rules.back().sender_patterns.emplace_back("example.org");
  CHECK(Message(CheckQuotas(rules)) ==
        "rule \"r\": 251 sender patterns are over the quota of 250 a rule");
  rules.back().sender_patterns.resize(250);
  rules.push_back(rule);
  CHECK(CheckQuotas(rules).code() == StatusCode::kInvalidArgument);
  CHECK(Message(CheckQuotas(rules)) ==
        "organization \"default\": 1250 sender patterns are over the quota of 1000 an "
        "organization");
}

// The claim of lint.h, tried out: mail to and from addresses made for each pair of a rule's
// patterns.
TEST_CASE("Lint: exactly the rules that it says win nothing", "[rules][lint]") {
  const std::vector<std::string> patterns = {"*",        "*.test",     "*.a.test",
                                             "a.test",   "u@a.test",   "u@b.a.test",
                                             "b.a.test", "*.b.a.test", "v@other.test"};
  // For each pattern an address that it matches and no more specific pattern above does.
  const std::vector<std::string> addresses = {"x@y",        "x@y.test",     "x@y.a.test",
                                              "x@a.test",   "u@a.test",     "u@b.a.test",
                                              "x@b.a.test", "x@y.b.a.test", "v@other.test"};
  std::mt19937_64 random(3);
  std::size_t never = 0;
  for (int round = 0; round < 300; ++round) {
    std::vector<FlowRule> rules;
    for (std::size_t i = 0; i < 2 + random() % 12; ++i) {
      FlowRule rule;
      rule.organization = "default";
      rule.name = Cat("r", i);
      rule.verdict.action = random() % 2 == 0 ? Action::kDrop : Action::kDefault;
      for (std::size_t n = 1 + random() % 3; n > 0; --n) {
        rule.sender_patterns.push_back(patterns[random() % patterns.size()]);
        rule.recipient_patterns.push_back(patterns[random() % patterns.size()]);
      }
      rules.push_back(rule);
    }
    const auto set = RuleSet::Compile(rules);
    REQUIRE(set.ok());
    std::vector<std::string> winners;
    for (const std::string& from : addresses) {
      const OriginatorMatches originators(*set, {{}, {from}});
      for (const std::string& to : addresses) {
        const Selection selection = Select(*set, originators, to);
        if (selection.rule != kNoRule) winners.emplace_back(set->name(selection.rule));
      }
    }
    std::vector<std::string> losers;
    for (const FlowRule& rule : rules) {
      if (std::ranges::find(winners, rule.name) == winners.end()) losers.push_back(rule.name);
    }
    std::vector<std::string> reported;
    for (const LintFinding& finding : Lint(rules)) {
      if (finding.kind == LintFinding::Kind::kNeverWins) reported.push_back(finding.rule);
    }
    std::ranges::sort(losers);
    std::ranges::sort(reported);
    REQUIRE(reported == losers);
    never += losers.size();
  }
  CHECK(never > 30);
}
