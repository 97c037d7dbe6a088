// SPDX-License-Identifier: Apache-2.0
#include "engine/rules/select.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace penstock::rules {
namespace {

std::vector<std::string> Keys(std::span<const mail::Mailbox> mailboxes) {
  std::vector<std::string> keys;
  keys.reserve(mailboxes.size());
  for (const mail::Mailbox& mailbox : mailboxes)
    keys.push_back(mailbox.Key());
  return keys;
}

// Selects by one field's patterns: compares sender level, then recipient level (R6), then takes the
// first rule in R7's order. The first pair of levels that has a rule decides, as a rule whose best
// patterns were better would have been found at a pair before.
Selection SelectBy(const RuleSet& rules, const OriginatorMatches::Attempt& attempt,
                   const PatternMatches& recipients) {
  Selection best;
  const PatternMatches& senders = attempt.patterns;
  for (std::size_t begin = 0, end = 0; begin < senders.size(); begin = end) {
    // Patterns of one level, from several From addresses, count alike.
    const Specificity level = senders[begin].level;
    for (end = begin + 1; end < senders.size() && senders[end].level == level; ++end) {
    }
    for (const PatternMatch& recipient : recipients) {
      for (std::size_t i = begin; i < end; ++i) {
        const RuleIndex rule = rules.FirstHolder(senders[i].holders, recipient.holders);
        if (rule < best.rule) best = {rule, attempt.field, senders[i], recipient};
      }
      if (best.rule != kNoRule) return best;
    }
  }
  return best;
}

}  // namespace

std::string_view Name(OriginatorField field) {
  switch (field) {
    case OriginatorField::kNone:
      return "none";
    case OriginatorField::kSender:
      return "Sender";
    case OriginatorField::kFrom:
      return "From";
  }
  return "none";
}

Originators Originators::Of(std::span<const mail::Mailbox> sender,
                            std::span<const mail::Mailbox> from) {
  return {Keys(sender), Keys(from)};
}

OriginatorMatches::OriginatorMatches(const RuleSet& rules, const Originators& originators) {
  if (!originators.sender.empty()) Try(rules, OriginatorField::kSender, originators.sender);
  // What matches no rule as Sender matches none as From either.
  if (!originators.from.empty() && originators.from != originators.sender) {
    Try(rules, OriginatorField::kFrom, originators.from);
  }
  if (attempts_.empty()) Try(rules, OriginatorField::kNone, {});
}

void OriginatorMatches::Try(const RuleSet& rules, OriginatorField field,
                            std::span<const std::string> keys) {
  PatternMatches found;
  for (std::size_t address = 0; address < keys.size(); ++address) {
    const std::size_t begin = found.size();
    rules.sender_patterns().FindSpecific(keys[address], found);
    for (std::size_t i = begin; i < found.size(); ++i)
      found[i].address = static_cast<std::uint32_t>(address);
  }
  if (keys.size() > 1) {
    // Of the patterns of one level that the same rules hold, one is enough: the first.
    std::ranges::stable_sort(found, [](const PatternMatch& a, const PatternMatch& b) {
      return a.level != b.level ? a.level > b.level : a.holders < b.holders;
    });
    const auto same = [](const PatternMatch& a, const PatternMatch& b) {
      return a.level == b.level && a.holders == b.holders;
    };
    found.erase(std::unique(found.begin(), found.end(), same), found.end());
    std::ranges::stable_sort(found, [](const PatternMatch& a, const PatternMatch& b) {
      return a.level != b.level ? a.level > b.level : a.address < b.address;
    });
  }
  rules.sender_patterns().FindAny(found);
  attempts_.push_back({field, std::move(found)});
}

Selection Select(const RuleSet& rules, const OriginatorMatches& originators,
                 std::string_view recipient_key) {
  PatternMatches recipients;
  rules.recipient_patterns().FindSpecific(recipient_key, recipients);
  rules.recipient_patterns().FindAny(recipients);
  Selection selection;
  for (const OriginatorMatches::Attempt& attempt : originators.attempts()) {
    selection = SelectBy(rules, attempt, recipients);
    if (selection.rule != kNoRule) break;
  }
  return selection;
}

std::vector<RecipientGroup> GroupByRule(std::span<const Selection> selections) {
  std::vector<RecipientGroup> groups;
  absl::flat_hash_map<RuleIndex, std::size_t> group_of;
  for (std::size_t i = 0; i < selections.size(); ++i) {
    const auto [group, added] = group_of.try_emplace(selections[i].rule, groups.size());
    if (added) groups.push_back({selections[i].rule, {}});
    groups[group->second].recipients.push_back(i);
  }
  return groups;
}

}  // namespace penstock::rules
