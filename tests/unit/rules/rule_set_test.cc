// SPDX-License-Identifier: Apache-2.0
#include "engine/rules/rule_set.h"

#include <random>
#include <set>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "engine/rules/select.h"

using namespace penstock;         // NOLINT(google-build-using-namespace)
using namespace penstock::rules;  // NOLINT(google-build-using-namespace)

namespace {

FlowRule Rule(std::string name, Action action = Action::kDrop) {
  FlowRule rule;
  rule.organization = "default";
  rule.name = std::move(name);
  rule.sender_patterns = {"*"};
  rule.recipient_patterns = {"*"};
  rule.verdict.action = action;
  return rule;
}

std::string CompileError(std::vector<FlowRule> rules) {
  const Status status = RuleSet::Compile(std::move(rules)).status();
  CHECK(status.code() == StatusCode::kInvalidArgument);
  return std::string(Message(status));
}

// Rules whose patterns are drawn from a pool, `each` on either side. All match one sender and one
// recipient domain by address, so each question is about one pair of patterns.
struct Overlap {
  std::vector<std::set<std::size_t>> senders;
  std::vector<std::set<std::size_t>> recipients;
  RuleSet set;

  Overlap(std::size_t rules, std::size_t each, std::size_t pool)
      : senders(rules), recipients(rules) {
    std::mt19937_64 random(7);
    std::vector<FlowRule> flow_rules;
    for (std::size_t r = 0; r < rules; ++r) {
      FlowRule rule = Rule(Cat("r", 100'000 + r));
      rule.sender_patterns.clear();
      rule.recipient_patterns.clear();
      for (std::size_t i = 0; i < each; ++i) {
        senders[r].insert(random() % pool);
        recipients[r].insert(random() % pool);
      }
      for (const std::size_t s : senders[r])
        rule.sender_patterns.push_back(Cat("s", s, "@example.com"));
      for (const std::size_t t : recipients[r])
        rule.recipient_patterns.push_back(Cat("t", t, "@example.net"));
      flow_rules.push_back(std::move(rule));
    }
    StatusOr<RuleSet> compiled = RuleSet::Compile(std::move(flow_rules));
    REQUIRE(compiled.ok());
    set = *std::move(compiled);
  }

  [[nodiscard]] RuleIndex First(std::size_t s, std::size_t t) const {
    for (std::size_t r = 0; r < senders.size(); ++r) {
      if (senders[r].contains(s) && recipients[r].contains(t)) return static_cast<RuleIndex>(r);
    }
    return kNoRule;
  }
};

}  // namespace

TEST_CASE("RuleSet: rules stand in the order of restrictiveness, then of name", "[rules]") {
  const auto set = RuleSet::Compile({Rule("b", Action::kDefault), Rule("a", Action::kDefault),
                                     Rule("c", Action::kDrop), Rule("B", Action::kDefault)});
  REQUIRE(set.ok());
  REQUIRE(set->size() == 4);
  std::vector<std::string> names;
  for (RuleIndex i = 0; i < set->size(); ++i)
    names.emplace_back(set->name(i));
  CHECK(names == std::vector<std::string>{"c", "B", "a", "b"});
  CHECK(set->Find("a") == 2);
  CHECK(set->Find("x") == kNoRule);
  CHECK(set->act(0).action() == Action::kDrop);
  CHECK(set->act(3).action() == Action::kDefault);
}

TEST_CASE("RuleSet: what a rule does is kept whole", "[rules]") {
  FlowRule sync = Rule("sync");
  sync.run_hook = HookInvocation{"h", InvocationMode::kSync, {Action::kBounce, "", "no"}, {}};
  sync.run_hook->rule_timeout = std::chrono::minutes(240);
  FlowRule other = sync;
  other.name = "other";
  other.run_hook->rule_timeout = std::chrono::minutes(1);
  FlowRule bounce = Rule("bounce", Action::kBounce);
  bounce.verdict.bounce_message = "go away";
  const auto set = RuleSet::Compile({sync, other, bounce});
  REQUIRE(set.ok());
  CHECK(set->act(set->Find("sync")).run_hook == sync.run_hook);
  CHECK(set->act(set->Find("other")).run_hook == other.run_hook);
  CHECK(set->act(set->Find("bounce")) == RuleAct{bounce.verdict, std::nullopt});
}

TEST_CASE("RuleSet: a rule that is refused is named", "[rules]") {
  FlowRule bad = Rule("bad");
  bad.recipient_patterns = {"*", "a+b@example.com"};
  CHECK(CompileError({Rule("good"), bad}) ==
        "rule \"bad\": recipient_patterns[1]: \"a+b@example.com\": \"+\" is not allowed in a "
        "pattern");
  bad.recipient_patterns = {};
  CHECK_THAT(CompileError({bad}), Catch::StartsWith("rule \"bad\": recipient_patterns: "));
  CHECK(CompileError({Rule("a"), Rule("b"), Rule("a")}) ==
        "rule \"a\": a second rule of that name");
  CHECK(CompileError({Rule("a"), Rule("a", Action::kBounce)}) ==
        "rule \"a\": a second rule of that name");
  FlowRule outbound = Rule("outbound");
  outbound.direction = FlowDirection::kOutbound;
  CHECK_THAT(CompileError({Rule("a"), outbound}),
             Catch::Contains("another organization or direct"));
  FlowRule foreign = Rule("foreign");
  foreign.organization = "other";
  CHECK_THAT(CompileError({Rule("a"), foreign}), Catch::Contains("another organization or direct"));
}

TEST_CASE("RuleSet: it can be moved while nothing points into it", "[rules]") {
  auto compiled = RuleSet::Compile({Rule("a")});
  REQUIRE(compiled.ok());
  RuleSet first = *std::move(compiled);
  const RuleSet second = std::move(first);
  const OriginatorMatches originators(second, {});
  CHECK(second.name(Select(second, originators, "b@example.net").rule) == "a");
}

TEST_CASE("RuleSet: the first rule of a pair of patterns is found however rules overlap",
          "[rules]") {
  struct Case {
    std::size_t rules;
    std::size_t each;
    std::size_t pool;
  };

  const Case cases[] = {
      {300, 1, 20},     // lists of 15, few of them meet
      {200, 3, 200},    // lists of 3: walked
      {400, 10, 100},   // lists of 40: worked out
      {2000, 2, 30},    // lists of 130, shorter than a bitmap
      {300, 300, 600},  // all overlap in all: too many pairs to work out
  };
  for (const Case& c : cases) {
    CAPTURE(c.rules, c.each, c.pool);
    const Overlap overlap(c.rules, c.each, c.pool);
    const RuleSet& set = overlap.set;
    std::mt19937_64 random(11);
    std::size_t wrong = 0;
    std::size_t found = 0;
    for (int i = 0; i < 5000; ++i) {
      const std::size_t s = random() % c.pool;
      const std::size_t t = random() % c.pool;
      const OriginatorMatches originators(set, {{}, {Cat("s", s, "@example.com")}});
      const RuleIndex rule = Select(set, originators, Cat("t", t, "@example.net")).rule;
      if (rule != overlap.First(s, t)) ++wrong;
      if (rule != kNoRule) ++found;
    }
    CHECK(wrong == 0);
    CHECK(found > 0);
    CHECK(set.MemoryOctets() < 200 * 2 * c.rules * c.each);
  }
}

TEST_CASE("RuleSet: one rule of many patterns costs no pairs", "[rules]") {
  FlowRule rule = Rule("r");
  rule.sender_patterns.clear();
  rule.recipient_patterns.clear();
  for (int i = 0; i < 20'000; ++i) {
    rule.sender_patterns.push_back(Cat("s", i, "@example.com"));
    rule.recipient_patterns.push_back(Cat("t", i, ".example.net"));
  }
  const auto set = RuleSet::Compile({rule});
  REQUIRE(set.ok());
  CHECK(set->MemoryOctets() < 100 * 40'000);
  const OriginatorMatches originators(*set, {{}, {"s19999@example.com"}});
  CHECK(Select(*set, originators, "b@t19999.example.net").rule == 0);
  CHECK(Select(*set, originators, "b@t20000.example.net").rule == kNoRule);
}
