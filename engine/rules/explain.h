// SPDX-License-Identifier: Apache-2.0
// Why a rule won a recipient, and why each other rule lost (SPEC R15, A6). The decision of
// select.h, made again slowly: every rule is looked at and compared with the winner, so the two
// check each other.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/rules/rule_set.h"
#include "engine/rules/select.h"

namespace penstock::rules {

// Why a rule lost, in the order of coming closer to winning.
enum class LossReason : std::uint8_t {
  kNoSenderMatch,          // no sender pattern matches an address of Sender or From
  kNoRecipientMatch,       // a sender pattern matches, no recipient pattern does
  kSenderFieldFirst,       // matches by From, which is not tried: a rule matches by Sender (R4)
  kLessSpecificSender,     // R6
  kLessSpecificRecipient,  // R6: the senders are equally specific
  kLessRestrictiveAction,  // R7: equally specific
  kLaterName,              // R7: the actions are the same as well
};

// "NO_SENDER_MATCH", "LESS_SPECIFIC_SENDER".
std::string_view Name(LossReason reason);

// The best matching pattern of a rule on one side.
struct ExplainedPattern {
  std::string pattern;  // in normal form
  Specificity level;
  friend bool operator==(const ExplainedPattern&, const ExplainedPattern&) = default;
};

struct Winner {
  std::string rule;
  RuleAct act;
  OriginatorField field = OriginatorField::kNone;  // whose address the sender pattern matches
  std::string originator;                          // that address; empty if field is kNone
  ExplainedPattern sender;
  ExplainedPattern recipient;
};

struct Loser {
  std::string rule;
  Action action = Action::kDefault;
  LossReason reason = LossReason::kNoSenderMatch;
  std::optional<ExplainedPattern> sender;     // none: nothing matches
  std::optional<ExplainedPattern> recipient;  // none: nothing matches
};

struct RecipientExplanation {
  std::string recipient;
  std::optional<Winner> winner;  // none: no rule matches, DEFAULT (R9)
  std::vector<Loser> losers;     // the closest first, then in R7's order

  [[nodiscard]] Action action() const { return winner ? winner->act.action() : Action::kDefault; }
};

// Explains each recipient of a message, given as for select.h.
//   Cost: the number of rules, for each recipient.
std::vector<RecipientExplanation> Explain(const RuleSet& rules, const Originators& originators,
                                          std::span<const std::string> recipient_keys);

// Returns lines for a terminal, each with its line end.
//   `losers_max` bounds the losers shown; how many more there are is said.
std::string ToText(const RecipientExplanation& explanation, std::size_t losers_max);

// Returns one line for a message's record: "sender *.example.com matches From a@b.example.com,
// recipient * matches"; "no rule matches".
std::string WhyText(const Originators& originators, const Selection& selection);

}  // namespace penstock::rules
