// SPDX-License-Identifier: Apache-2.0
// The flow rules of one (organization, direction), checked and compiled for selection. Immutable: a
// change of rules makes a new set, and a message keeps the one it began with (SPEC R14).
//
// The difficulty is that many rules may hold one pattern ("*" above all) and one rule many
// patterns. Selection asks: which is the first rule that holds both sender pattern p and recipient
// pattern q? A table of all such pairs explodes (senders × recipients of each rule); walking the
// rules of p costs as much as there are rules. No structure of linear size answers every such
// question in constant time (set disjointness), so this one is exact and linear, and constant where
// rule sets are: patterns held by the same rules share one list (holder_lists.h); a short list is
// walked; for two long lists the answer is worked out beforehand. Where those answers would be too
// many, "long" is made to mean longer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "engine/base/status.h"
#include "engine/rules/flow_rule.h"
#include "engine/rules/holder_lists.h"
#include "engine/rules/pattern_index.h"

namespace penstock::rules {

// What a rule does when it wins.
struct RuleAct {
  Verdict verdict;                         // used unless `run_hook` is set
  std::optional<HookInvocation> run_hook;  // set: the action is kRunHook

  [[nodiscard]] Action action() const { return run_hook ? Action::kRunHook : verdict.action; }

  friend bool operator==(const RuleAct&, const RuleAct&) = default;
};

// Threads: const, safe from many.   Lifetime: views point into the set.
class RuleSet {
 public:
  // A set without rules: every recipient gets DEFAULT (R9).
  RuleSet() = default;

  // Compiles rules of one organization and direction, in any order.
  //   Errors: kInvalidArgument, `rule "name": ` and what Validate says; rules of several
  //   organizations or directions; a name that stands twice; over limits::kRuleSetPatternsMax.
  //   Cost: about a microsecond a pattern.
  static StatusOr<RuleSet> Compile(std::vector<FlowRule> rules);

  [[nodiscard]] std::size_t size() const { return rules_.size(); }

  [[nodiscard]] std::string_view name(RuleIndex rule) const;

  [[nodiscard]] const RuleAct& act(RuleIndex rule) const { return acts_[rules_[rule].act]; }

  // Returns the rule of that name, kNoRule if there is none. Walks all rules.
  [[nodiscard]] RuleIndex Find(std::string_view name) const;

  // For select.h and explain.h: the patterns of each side, the rules that hold them, and of those
  // that hold both the first.
  [[nodiscard]] const PatternIndex& sender_patterns() const { return senders_; }

  [[nodiscard]] const PatternIndex& recipient_patterns() const { return recipients_; }

  [[nodiscard]] const HolderLists& sender_holders() const { return sender_holders_; }

  [[nodiscard]] const HolderLists& recipient_holders() const { return recipient_holders_; }

  [[nodiscard]] RuleIndex FirstHolder(HoldersId sender, HoldersId recipient) const;

  // Heap memory that the set holds, without that of hook names and bounce texts.
  [[nodiscard]] std::size_t MemoryOctets() const;

 private:
  struct Rule {
    std::uint32_t name_begin = 0;  // in names_
    std::uint32_t act = 0;         // in acts_
  };

  void AddRules(const std::vector<FlowRule>& rules);
  void WorkOutPairs(std::size_t incidences);

  std::vector<Rule> rules_;    // in R7's order
  std::string names_;          // of all rules, in their order, one behind the other
  std::vector<RuleAct> acts_;  // few rules differ in what they do
  PatternIndex senders_;
  PatternIndex recipients_;
  HolderLists sender_holders_;
  HolderLists recipient_holders_;
  std::size_t short_list_ = 0;                           // a list of no more rules is walked
  absl::flat_hash_map<std::uint64_t, RuleIndex> pairs_;  // (sender, recipient) of longer lists
};

}  // namespace penstock::rules
