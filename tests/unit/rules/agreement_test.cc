// SPDX-License-Identifier: Apache-2.0
// Selection and its explanation against the reference, on random rules and mail from a universe so
// small that everything that can happen does. A case is one recipient of one message. The run
// prints how often each thing occurred and fails if one never did.
//
// 20,000 cases; the hidden test (label slow) takes 1,000,000. PENSTOCK_SEED=n replays a run.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "engine/rules/explain.h"
#include "engine/rules/select.h"
#include "tests/support/reference_select.h"

using namespace penstock;         // NOLINT(google-build-using-namespace)
using namespace penstock::rules;  // NOLINT(google-build-using-namespace)

namespace {

// Everything that is to occur. A name that the run makes up besides is a mistake in this list.
const char* const kOccurrences[] = {
    "sender level: address",
    "sender level: domain",
    "sender level: wildcard domain of 4 labels",
    "sender level: wildcard domain of 3 labels",
    "sender level: wildcard domain of 2 labels",
    "sender level: wildcard domain of 1 label",
    "sender level: any",
    "recipient level: address",
    "recipient level: domain",
    "recipient level: wildcard domain of 4 labels",
    "recipient level: wildcard domain of 3 labels",
    "recipient level: wildcard domain of 2 labels",
    "recipient level: wildcard domain of 1 label",
    "recipient level: any",
    "field: Sender",
    "field: From",
    "field: From, as Sender matches nothing",
    "field: none",
    "decided by: alone",
    "decided by: sender level",
    "decided by: recipient level",
    "decided by: action",
    "decided by: name",
    "no rule",
    "winner: DROP",
    "winner: BOUNCE",
    "winner: MOVE_TO_JUNK",
    "winner: ROUTE_TO_GATEWAY",
    "winner: DEFAULT",
    "winner: BYPASS_SPAM_CHECK",
    "winner: RUN_HOOK",
    "loser: NO_SENDER_MATCH",
    "loser: NO_RECIPIENT_MATCH",
    "loser: SENDER_FIELD_FIRST",
    "loser: LESS_SPECIFIC_SENDER",
    "loser: LESS_SPECIFIC_RECIPIENT",
    "loser: LESS_RESTRICTIVE_ACTION",
    "loser: LATER_NAME",
    "several From, the first matches",
    "several From, a later one matches",
    "message not split",
    "message split in 2",
    "message split in 3 or more",
    "patterns of many rules on both sides",
};

class Universe {
 public:
  explicit Universe(std::uint64_t seed) : random_(seed) {}

  std::size_t Below(std::size_t n) { return random_() % n; }

  std::string Address() { return Cat(Pick({"a", "b", "C", "d"}), "@", Domain()); }

  // Many rules now and then: patterns are then held by more rules than lists are walked for.
  std::vector<FlowRule> Rules() {
    const FlowDirection direction =
        Below(2) == 0 ? FlowDirection::kInbound : FlowDirection::kOutbound;
    const std::size_t count = Below(40) == 0 ? 60 + Below(100) : Below(12);
    std::vector<FlowRule> rules;
    for (std::size_t i = 0; i < count; ++i)
      rules.push_back(Rule(direction, i));
    std::shuffle(rules.begin(), rules.end(), random_);
    return rules;
  }

  std::vector<std::string> Addresses(std::size_t count) {
    std::vector<std::string> addresses;
    for (; count > 0; --count)
      addresses.push_back(Address());
    return addresses;
  }

 private:
  std::string Pick(std::vector<std::string> from) { return from[Below(from.size())]; }

  std::string Domain() { return Pick({"x.test", "s.x.test", "T.s.x.test", "y.example"}); }

  std::string PatternText() {
    switch (Below(10)) {
      case 0:
      case 1:
        return "*";
      case 2:
        return Cat("*.", Pick({"test", "example"}));
      case 3:
      case 4:
        return Cat("*.", Pick({"x.test", "S.x.test", "t.s.x.test", "y.example."}));
      case 5:
      case 6:
        return Domain();
      default:
        return Address();
    }
  }

  std::vector<std::string> Patterns() {
    std::vector<std::string> patterns;
    for (std::size_t n = 1 + Below(3); n > 0; --n)
      patterns.push_back(PatternText());
    return patterns;
  }

  FlowRule Rule(FlowDirection direction, std::size_t number) {
    FlowRule rule;
    rule.organization = "default";
    rule.direction = direction;
    rule.name = Cat(Pick({"r", "R", "r-"}), number);
    rule.sender_patterns = Patterns();
    rule.recipient_patterns = Patterns();
    do {
      rule.verdict.action = static_cast<Action>(Below(7));
    } while (!IsRuleAction(rule.verdict.action, direction));
    if (rule.verdict.action == Action::kRouteToGateway) rule.verdict.gateway = "gateway";
    if (rule.verdict.action == Action::kRunHook) {
      rule.verdict = {};
      rule.run_hook = HookInvocation{"hook", InvocationMode::kAsync, {}, {}};
    }
    return rule;
  }

  std::mt19937_64 random_;
};

std::vector<std::string> Keys(const std::vector<std::string>& addresses) {
  std::vector<std::string> keys;
  for (const std::string& address : addresses)
    keys.push_back(mail::AddressKey(address));
  return keys;
}

class Agreement {
 public:
  Agreement(std::size_t cases, std::uint64_t seed) : cases_(cases), universe_(seed) {
    for (const char* name : kOccurrences)
      occurred_[name] = 0;
  }

  void Run() {
    while (done_ < cases_) {
      const std::vector<FlowRule> rules = universe_.Rules();
      const auto set = RuleSet::Compile(rules);
      REQUIRE(set.ok());
      for (int message = 0; message < 8; ++message)
        Message(rules, *set);
    }
    for (const auto& [name, count] : occurred_) {
      std::printf("%9zu  %s\n", count, name.c_str());
      CHECK(count > 0);
      CHECK(std::ranges::find(kOccurrences, name) != std::end(kOccurrences));
    }
    std::printf("%9zu  cases\n", done_);
  }

 private:
  void Message(const std::vector<FlowRule>& rules, const RuleSet& set) {
    const auto sender = universe_.Addresses(universe_.Below(2) == 0 ? 0 : 1 + universe_.Below(2));
    const auto from = universe_.Addresses(universe_.Below(4) == 0 ? universe_.Below(4) : 1);
    const auto to = universe_.Addresses(1 + universe_.Below(5));
    const Originators originators{Keys(sender), Keys(from)};
    const std::vector<std::string> to_keys = Keys(to);
    const OriginatorMatches matches(set, originators);
    const auto explanations = Explain(set, originators, to_keys);
    std::vector<Selection> selections;
    std::vector<std::string> order;  // winners in order of first appearance; "" is none
    for (std::size_t i = 0; i < to.size(); ++i) {
      const auto reference = tests::ReferenceSelect(rules, sender, from, to[i]);
      selections.push_back(Select(set, matches, to_keys[i]));
      const std::string difference = Difference(set, selections.back(), explanations[i], reference);
      if (!difference.empty()) {
        FAIL("case " << done_ << ": Sender " << Join(sender, " ") << ", From " << Join(from, " ")
                     << ", recipient " << to[i] << ": they differ in " << difference << "\n"
                     << ToText(explanations[i], rules.size()));
      }
      CountCase(set, selections.back(), reference, sender, from);
      const std::string winner = reference.rule.value_or("");
      if (std::ranges::find(order, winner) == order.end()) order.push_back(winner);
      ++done_;
    }
    std::vector<std::string> groups;
    std::size_t grouped = 0;
    for (const RecipientGroup& group : GroupByRule(selections)) {
      groups.emplace_back(group.rule == kNoRule ? "" : set.name(group.rule));
      grouped += group.recipients.size();
      for (const std::size_t i : group.recipients)
        REQUIRE(selections[i].rule == group.rule);
    }
    REQUIRE(groups == order);
    REQUIRE(grouped == to.size());
    Count(order.size() == 1   ? "message not split"
          : order.size() == 2 ? "message split in 2"
                              : "message split in 3 or more");
  }

  // Returns what differs, empty if nothing does. Catch's macros would cost more than what they
  // check.
  static std::string Difference(const RuleSet& set, const Selection& selection,
                                const RecipientExplanation& explanation,
                                const tests::ReferenceSelection& reference) {
    const bool selected = selection.rule != kNoRule;
    if (selected != reference.rule.has_value()) return "whether a rule wins";
    if (explanation.winner.has_value() != selected) return "whether a rule wins, explained";
    if (selected) {
      const Winner& winner = *explanation.winner;
      if (set.name(selection.rule) != *reference.rule) return "winner";
      if (Name(selection.field) != reference.field) return "field";
      if (selection.sender.level.ToString() != reference.sender_level) return "sender level";
      if (selection.recipient.level.ToString() != reference.recipient_level)
        return "recipient level";
      if (winner.rule != *reference.rule) return "winner, explained";
      if (!(winner.act == set.act(selection.rule))) return "act, explained";
      if (winner.field != selection.field) return "field, explained";
      if (!(winner.sender ==
            ExplainedPattern{selection.sender.ToString(), selection.sender.level})) {
        return "sender pattern, explained";
      }
      if (!(winner.recipient ==
            ExplainedPattern{selection.recipient.ToString(), selection.recipient.level})) {
        return "recipient pattern, explained";
      }
    }
    if (explanation.losers.size() != reference.lost.size()) return "how many lose";
    for (const Loser& loser : explanation.losers) {
      const auto reason = reference.lost.find(loser.rule);
      if (reason == reference.lost.end() || reason->second != Name(loser.reason)) {
        return Cat("why ", loser.rule, " loses");
      }
    }
    return "";
  }

  void CountCase(const RuleSet& set, const Selection& selection,
                 const tests::ReferenceSelection& reference, const std::vector<std::string>& sender,
                 const std::vector<std::string>& from) {
    for (const auto& [rule, reason] : reference.lost)
      Count(Cat("loser: ", reason));
    if (!reference.rule) return Count("no rule");
    Count(Cat("sender level: ", reference.sender_level));
    Count(Cat("recipient level: ", reference.recipient_level));
    Count(Cat("decided by: ", reference.decided_by));
    Count(Cat("field: ", reference.field));
    Count(Cat("winner: ", Name(set.act(selection.rule).action())));
    if (reference.field == "From" && !sender.empty()) {
      Count("field: From, as Sender matches nothing");
    }
    if (reference.field == "From" && from.size() > 1 && reference.sender_level != "any") {
      Count(selection.sender.address == 0 ? "several From, the first matches"
                                          : "several From, a later one matches");
    }
    const auto is_long = [](const HolderLists& holders, HoldersId id) {
      return !holders.IsSingle(id) && holders.List(id).size() > 8;
    };
    if (is_long(set.sender_holders(), selection.sender.holders) &&
        is_long(set.recipient_holders(), selection.recipient.holders)) {
      Count("patterns of many rules on both sides");
    }
  }

  void Count(const std::string& name) { ++occurred_[name]; }

  std::size_t cases_;
  std::size_t done_ = 0;
  Universe universe_;
  std::map<std::string, std::size_t> occurred_;
};

void RunAgreement(std::size_t cases) {
  const char* given = std::getenv("PENSTOCK_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 20'181'010;
  std::printf("PENSTOCK_SEED=%llu\n", static_cast<unsigned long long>(seed));
  CAPTURE(seed);
  Agreement(cases, seed).Run();
}

}  // namespace

TEST_CASE("Agreement: select, explain and the reference say the same", "[rules][select]") {
  RunAgreement(20'000);
}

TEST_CASE("Agreement: the same on a million cases", "[rules][select][.slow]") {
  RunAgreement(1'000'000);
}
