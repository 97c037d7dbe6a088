// SPDX-License-Identifier: Apache-2.0
#include "engine/rules/explain.h"

#include <algorithm>
#include <compare>
#include <cstddef>
#include <utility>

#include "engine/base/strings.h"

namespace penstock::rules {
namespace {

// Returns the first, so the most specific, of `patterns` that `rule` holds.
const PatternMatch* BestOf(const PatternMatches& patterns, const HolderLists& holders,
                           RuleIndex rule) {
  const auto match = std::ranges::find_if(
      patterns, [&](const PatternMatch& m) { return holders.Contains(m.holders, rule); });
  return match == patterns.end() ? nullptr : &*match;
}

std::optional<ExplainedPattern> Explained(const PatternMatch* match) {
  if (match == nullptr) return std::nullopt;
  return ExplainedPattern{match->ToString(), match->level};
}

// How one rule stands to one recipient.
struct Standing {
  RuleIndex rule = kNoRule;
  std::size_t attempt = 0;  // the first of R4's attempts in which a sender pattern matches
  const PatternMatch* sender = nullptr;
  const PatternMatch* recipient = nullptr;

  [[nodiscard]] bool matches() const { return sender != nullptr && recipient != nullptr; }
};

// Compares two rules that match: the less of the two wins (R4, R6, R7).
std::strong_ordering Compare(const RuleSet& rules, const Standing& a, const Standing& b) {
  if (a.attempt != b.attempt) return a.attempt <=> b.attempt;
  if (a.sender->level != b.sender->level) return b.sender->level <=> a.sender->level;
  if (a.recipient->level != b.recipient->level) return b.recipient->level <=> a.recipient->level;
  const Action a_action = rules.act(a.rule).action();
  const Action b_action = rules.act(b.rule).action();
  if (a_action != b_action) return a_action <=> b_action;
  return rules.name(a.rule) <=> rules.name(b.rule);
}

LossReason WhyLost(const RuleSet& rules, const Standing& loser, const Standing& winner) {
  if (loser.sender == nullptr) return LossReason::kNoSenderMatch;
  if (loser.recipient == nullptr) return LossReason::kNoRecipientMatch;
  if (loser.attempt != winner.attempt) return LossReason::kSenderFieldFirst;
  if (loser.sender->level != winner.sender->level) return LossReason::kLessSpecificSender;
  if (loser.recipient->level != winner.recipient->level) return LossReason::kLessSpecificRecipient;
  return rules.act(loser.rule).action() != rules.act(winner.rule).action()
             ? LossReason::kLessRestrictiveAction
             : LossReason::kLaterName;
}

std::span<const std::string> Addresses(const Originators& originators, OriginatorField field) {
  switch (field) {
    case OriginatorField::kSender:
      return originators.sender;
    case OriginatorField::kFrom:
      return originators.from;
    case OriginatorField::kNone:
      break;
  }
  return {};
}

// Returns the address that a sender pattern matched. "*" matches them all: the first stands for
// them.
std::string MatchedAddress(const Originators& originators, OriginatorField field,
                           const PatternMatch& sender) {
  const auto addresses = Addresses(originators, field);
  return addresses.empty() ? std::string() : addresses[sender.address];
}

RecipientExplanation ExplainRecipient(const RuleSet& rules, const Originators& originators,
                                      const OriginatorMatches& matches,
                                      const std::string& recipient_key) {
  PatternMatches recipients;
  rules.recipient_patterns().FindSpecific(recipient_key, recipients);
  rules.recipient_patterns().FindAny(recipients);
  std::vector<Standing> standings;
  Standing winner;
  for (RuleIndex rule = 0; rule < rules.size(); ++rule) {
    Standing standing{rule, 0, nullptr, BestOf(recipients, rules.recipient_holders(), rule)};
    for (; standing.attempt < matches.attempts().size(); ++standing.attempt) {
      standing.sender =
          BestOf(matches.attempts()[standing.attempt].patterns, rules.sender_holders(), rule);
      if (standing.sender != nullptr) break;
    }
    if (standing.matches() && (winner.rule == kNoRule || Compare(rules, standing, winner) < 0)) {
      winner = standing;
    }
    standings.push_back(standing);
  }
  RecipientExplanation explanation{recipient_key, std::nullopt, {}};
  if (winner.rule != kNoRule) {
    const OriginatorField field = matches.attempts()[winner.attempt].field;
    explanation.winner = {std::string(rules.name(winner.rule)),
                          rules.act(winner.rule),
                          field,
                          MatchedAddress(originators, field, *winner.sender),
                          *Explained(winner.sender),
                          *Explained(winner.recipient)};
  }
  for (const Standing& standing : standings) {
    if (standing.rule == winner.rule) continue;
    explanation.losers.push_back({std::string(rules.name(standing.rule)),
                                  rules.act(standing.rule).action(),
                                  WhyLost(rules, standing, winner), Explained(standing.sender),
                                  Explained(standing.recipient)});
  }
  std::ranges::stable_sort(explanation.losers, std::ranges::greater{}, &Loser::reason);
  return explanation;
}

std::string ActText(const RuleAct& act) {
  if (act.run_hook) {
    return Cat("RUN_HOOK ", act.run_hook->hook, " ", Name(act.run_hook->mode));
  }
  if (act.action() == Action::kRouteToGateway) {
    return Cat("ROUTE_TO_GATEWAY ", act.verdict.gateway);
  }
  return std::string(Name(act.action()));
}

std::string MatchText(OriginatorField field, std::string_view originator) {
  if (field == OriginatorField::kNone) {
    return "matches: neither Sender nor From is usable";
  }
  return Cat("matches ", Name(field), " ", Printable(originator));
}

std::string LossText(const Loser& loser, const std::optional<Winner>& winner) {
  switch (loser.reason) {
    case LossReason::kNoSenderMatch:
      return "no sender pattern matches";
    case LossReason::kNoRecipientMatch:
      return "no recipient pattern matches";
    case LossReason::kSenderFieldFirst:
      return Cat("sender ", loser.sender->pattern,
                 " matches From, which is not tried: a rule matches by Sender");
    case LossReason::kLessSpecificSender:
      return Cat("sender ", loser.sender->pattern, " is less specific than ",
                 winner->sender.pattern);
    case LossReason::kLessSpecificRecipient:
      return Cat("recipient ", loser.recipient->pattern, " is less specific than ",
                 winner->recipient.pattern);
    case LossReason::kLessRestrictiveAction:
      return Cat("equally specific, ", Name(loser.action), " is less restrictive than ",
                 Name(winner->act.action()));
    case LossReason::kLaterName:
      return "equally specific and restrictive, its name comes later";
  }
  return {};
}

}  // namespace

std::string_view Name(LossReason reason) {
  switch (reason) {
    case LossReason::kNoSenderMatch:
      return "NO_SENDER_MATCH";
    case LossReason::kNoRecipientMatch:
      return "NO_RECIPIENT_MATCH";
    case LossReason::kSenderFieldFirst:
      return "SENDER_FIELD_FIRST";
    case LossReason::kLessSpecificSender:
      return "LESS_SPECIFIC_SENDER";
    case LossReason::kLessSpecificRecipient:
      return "LESS_SPECIFIC_RECIPIENT";
    case LossReason::kLessRestrictiveAction:
      return "LESS_RESTRICTIVE_ACTION";
    case LossReason::kLaterName:
      return "LATER_NAME";
  }
  return "UNKNOWN";
}

std::vector<RecipientExplanation> Explain(const RuleSet& rules, const Originators& originators,
                                          std::span<const std::string> recipient_keys) {
  const OriginatorMatches matches(rules, originators);
  std::vector<RecipientExplanation> explanations;
  for (const std::string& key : recipient_keys)
    explanations.push_back(ExplainRecipient(rules, originators, matches, key));
  return explanations;
}

std::string ToText(const RecipientExplanation& explanation, std::size_t losers_max) {
  std::string text = Cat("recipient ", Printable(explanation.recipient), ": ");
  if (explanation.winner) {
    const Winner& winner = *explanation.winner;
    Append(text, ActText(winner.act), ", by rule ", winner.rule, "\n");
    Append(text, "  sender ", winner.sender.pattern, " (", winner.sender.level.ToString(), ") ",
           MatchText(winner.field, winner.originator), "\n");
    Append(text, "  recipient ", winner.recipient.pattern, " (", winner.recipient.level.ToString(),
           ") matches\n");
  } else {
    text += "DEFAULT, as no rule matches\n";
  }
  const std::size_t shown = std::min(losers_max, explanation.losers.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const Loser& loser = explanation.losers[i];
    Append(text, "  not ", loser.rule, " (", Name(loser.action),
           "): ", LossText(loser, explanation.winner), "\n");
  }
  if (shown < explanation.losers.size()) {
    Append(text, "  nor ", explanation.losers.size() - shown, " more\n");
  }
  return text;
}

std::string WhyText(const Originators& originators, const Selection& selection) {
  if (selection.rule == kNoRule) return "no rule matches";
  return Cat(
      "sender ", selection.sender.ToString(), " ",
      MatchText(selection.field, MatchedAddress(originators, selection.field, selection.sender)),
      ", recipient ", selection.recipient.ToString(), " matches");
}

}  // namespace penstock::rules
