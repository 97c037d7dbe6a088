// SPDX-License-Identifier: Apache-2.0
#include "engine/rules/rule_set.h"

#include <algorithm>
#include <span>
#include <tuple>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

namespace penstock::rules {
namespace {

// Lists up to this length are walked: that costs no more than a look-up that leaves the cache.
constexpr std::size_t kShortList = 8;

// The patterns of one side as they come in, rule after rule.
struct Side {
  PatternIndex index;
  std::vector<std::uint32_t> numbers;  // patterns of rule 0, of rule 1, …; none twice in a rule
  std::vector<std::uint32_t> ends;     // per rule: where its patterns end in `numbers`
  std::vector<RuleIndex> last_holder;  // per pattern

  Status Add(std::string_view field, const std::vector<std::string>& patterns) {
    const auto rule = static_cast<RuleIndex>(ends.size());
    for (std::size_t i = 0; i < patterns.size(); ++i) {
      const StatusOr<Pattern> pattern = Pattern::Parse(patterns[i]);
      if (!pattern.ok()) return Annotate(pattern.status(), Cat(field, "[", i, "]"));
      const std::uint32_t number = index.Add(*pattern);
      if (number == last_holder.size()) last_holder.push_back(kNoRule);
      if (std::exchange(last_holder[number], rule) != rule) numbers.push_back(number);
    }
    ends.push_back(static_cast<std::uint32_t>(numbers.size()));
    return OkStatus();
  }

  // Turns "patterns of a rule" into "rules of a pattern".
  HolderLists Freeze() {
    std::vector<std::uint32_t> offsets(index.size() + 1);
    for (const std::uint32_t number : numbers)
      ++offsets[number + 1];
    for (std::size_t p = 1; p < offsets.size(); ++p)
      offsets[p] += offsets[p - 1];
    std::vector<RuleIndex> held(numbers.size());
    std::vector<std::uint32_t> next(offsets.begin(), offsets.end() - 1);
    std::uint32_t at = 0;
    for (RuleIndex rule = 0; rule < ends.size(); ++rule) {
      for (; at < ends[rule]; ++at)
        held[next[numbers[at]]++] = rule;
    }
    std::vector<HoldersId> ids;
    ids.reserve(index.size());
    HolderLists lists(ends.size(), offsets, held, ids);
    index.Freeze(ids);
    return lists;
  }
};

// Per rule, the lists of one side that have it and are longer than `short_list`.
struct LongLists {
  std::vector<std::uint32_t> offsets;  // rules + 1
  std::vector<HoldersId> ids;
  std::size_t lists = 0;

  LongLists(const HolderLists& holders, std::size_t rules, std::size_t short_list)
      : offsets(rules + 1) {
    const auto each = [&](const auto& act) {
      for (std::size_t n = 0; n < holders.lists(); ++n) {
        const auto id = static_cast<HoldersId>(rules + n);
        if (holders.List(id).size() > short_list) act(id);
      }
    };
    each([&](HoldersId id) {
      ++lists;
      for (const RuleIndex rule : holders.List(id))
        ++offsets[rule + 1];
    });
    for (std::size_t rule = 0; rule < rules; ++rule)
      offsets[rule + 1] += offsets[rule];
    ids.resize(offsets.back());
    std::vector<std::uint32_t> next(offsets.begin(), offsets.end() - 1);
    each([&](HoldersId id) {
      for (const RuleIndex rule : holders.List(id))
        ids[next[rule]++] = id;
    });
  }

  [[nodiscard]] std::span<const HoldersId> Of(RuleIndex rule) const {
    return std::span(ids).subspan(offsets[rule], offsets[rule + 1] - offsets[rule]);
  }
};

std::uint64_t PairKey(HoldersId sender, HoldersId recipient) {
  return std::uint64_t{sender} << 32U | recipient;
}

Status CheckTogether(const std::vector<FlowRule>& rules) {
  std::size_t patterns = 0;
  for (const FlowRule& rule : rules)
    patterns += rule.sender_patterns.size() + rule.recipient_patterns.size();
  if (patterns > limits::kRuleSetPatternsMax) {
    return InvalidArgument(
        Cat(patterns, " patterns are over the limit of ", limits::kRuleSetPatternsMax));
  }
  for (const FlowRule& rule : rules) {
    if (rule.organization != rules.front().organization ||
        rule.direction != rules.front().direction) {
      return InvalidArgument(Cat("rule \"", Printable(rule.name),
                                 "\": belongs to another organization or direction than rule \"",
                                 Printable(rules.front().name), "\""));
    }
  }
  return OkStatus();
}

}  // namespace

StatusOr<RuleSet> RuleSet::Compile(std::vector<FlowRule> rules) {
  PENSTOCK_RETURN_IF_ERROR(CheckTogether(rules));
  std::ranges::sort(rules, [](const FlowRule& a, const FlowRule& b) {
    return std::tuple(a.action(), std::string_view(a.name)) <
           std::tuple(b.action(), std::string_view(b.name));
  });
  StringMap<RuleIndex> names;
  Side senders;
  Side recipients;
  for (const FlowRule& rule : rules) {
    const auto annotate = [&](const Status& status) {
      return Annotate(status, Cat("rule \"", Printable(rule.name), "\""));
    };
    PENSTOCK_RETURN_IF_ERROR(annotate(ValidateButPatterns(rule)));
    if (!names.emplace(rule.name, RuleIndex{}).second) {
      return InvalidArgument(Cat("rule \"", rule.name, "\": a second rule of that name"));
    }
    PENSTOCK_RETURN_IF_ERROR(annotate(senders.Add("sender_patterns", rule.sender_patterns)));
    PENSTOCK_RETURN_IF_ERROR(
        annotate(recipients.Add("recipient_patterns", rule.recipient_patterns)));
  }
  RuleSet set;
  set.AddRules(rules);
  set.sender_holders_ = senders.Freeze();
  set.senders_ = std::move(senders.index);
  set.recipient_holders_ = recipients.Freeze();
  set.recipients_ = std::move(recipients.index);
  set.WorkOutPairs(senders.numbers.size() + recipients.numbers.size());
  return set;
}

void RuleSet::AddRules(const std::vector<FlowRule>& rules) {
  // Acts are compared by all their fields; the few that there are stand in buckets by hook or
  // gateway name.
  StringMap<std::vector<std::uint32_t>> buckets;
  rules_.reserve(rules.size());
  for (const FlowRule& rule : rules) {
    const RuleAct act{rule.run_hook ? Verdict{} : rule.verdict, rule.run_hook};
    auto& bucket = buckets[Cat(Name(act.action()), " ",
                               act.run_hook ? act.run_hook->hook : act.verdict.gateway)];
    auto known = std::ranges::find_if(bucket, [&](std::uint32_t n) { return acts_[n] == act; });
    if (known == bucket.end()) {
      known = bucket.insert(known, static_cast<std::uint32_t>(acts_.size()));
      acts_.push_back(act);
    }
    rules_.push_back({static_cast<std::uint32_t>(names_.size()), *known});
    names_ += rule.name;
  }
  names_.shrink_to_fit();
  acts_.shrink_to_fit();
}

void RuleSet::WorkOutPairs(std::size_t incidences) {
  // The bounds keep memory linear in the patterns, and compiling near it.
  const std::size_t entries_max = 2 * incidences + 4096;
  const std::size_t steps_max = 16 * incidences + 65'536;
  for (short_list_ = kShortList;; short_list_ *= 2) {
    const LongLists senders(sender_holders_, size(), short_list_);
    const LongLists recipients(recipient_holders_, size(), short_list_);
    std::size_t steps = 0;
    for (RuleIndex rule = 0; rule < size(); ++rule)
      steps += senders.Of(rule).size() * recipients.Of(rule).size();
    if (steps > steps_max || std::min(steps, senders.lists * recipients.lists) > entries_max) {
      continue;
    }
    for (RuleIndex rule = 0; rule < size(); ++rule) {
      for (const HoldersId sender : senders.Of(rule)) {
        // Rules come in ascending order: the first that has a pair keeps it.
        for (const HoldersId recipient : recipients.Of(rule))
          pairs_.try_emplace(PairKey(sender, recipient), rule);
      }
    }
    return;
  }
}

std::string_view RuleSet::name(RuleIndex rule) const {
  const std::size_t begin = rules_[rule].name_begin;
  const std::size_t end = rule + 1 < size() ? rules_[rule + 1].name_begin : names_.size();
  return std::string_view(names_).substr(begin, end - begin);
}

RuleIndex RuleSet::Find(std::string_view name) const {
  for (RuleIndex rule = 0; rule < size(); ++rule) {
    if (this->name(rule) == name) return rule;
  }
  return kNoRule;
}

RuleIndex RuleSet::FirstHolder(HoldersId sender, HoldersId recipient) const {
  if (!sender_holders_.IsSingle(sender) && !recipient_holders_.IsSingle(recipient) &&
      sender_holders_.List(sender).size() > short_list_ &&
      recipient_holders_.List(recipient).size() > short_list_) {
    const auto pair = pairs_.find(PairKey(sender, recipient));
    return pair == pairs_.end() ? kNoRule : pair->second;
  }
  return FirstCommon(sender_holders_, sender, recipient_holders_, recipient);
}

std::size_t RuleSet::MemoryOctets() const {
  return rules_.capacity() * sizeof(Rule) + names_.capacity() + acts_.capacity() * sizeof(RuleAct) +
         senders_.MemoryOctets() + recipients_.MemoryOctets() + sender_holders_.MemoryOctets() +
         recipient_holders_.MemoryOctets() +
         pairs_.capacity() * (sizeof(std::pair<std::uint64_t, RuleIndex>) + 1);
}

}  // namespace penstock::rules
