// SPDX-License-Identifier: Apache-2.0
// Which rule wins each recipient of a message (SPEC R4-R7, R9).
//
//   const OriginatorMatches originators(*rules, {sender_keys, from_keys});   // once a message
//   for (const auto& recipient : recipient_keys)
//     selections.push_back(Select(*rules, originators, recipient));
//   const auto groups = GroupByRule(selections);                             // R5
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"

#include "engine/mail/mailbox.h"
#include "engine/rules/rule_set.h"

namespace penstock::rules {

// The mailboxes of a message's originator fields (RFC 5322 §3.6.2), as mail::Mailbox::Key(), in the
// order of the header. Empty: the field is absent or cannot be parsed (R4). Several fields of one
// name count with all their mailboxes.
struct Originators {
  std::vector<std::string> sender;
  std::vector<std::string> from;

  static Originators Of(std::span<const mail::Mailbox> sender, std::span<const mail::Mailbox> from);
};

// The header field whose address a rule matched. kNone: neither is usable, only "*" matches.
enum class OriginatorField : std::uint8_t { kNone, kSender, kFrom };

// "Sender", "From", "none".
std::string_view Name(OriginatorField field);

// The sender patterns that match a message's originators. Made once a message, so that 500
// recipients do not look up the senders 500 times.
//   Lifetime: points into `rules`, which must outlive it; not into the Originators.
class OriginatorMatches {
 public:
  OriginatorMatches(const RuleSet& rules, const Originators& originators);

  // What R4 tries for a recipient, in order: the patterns that match one field's addresses, most
  // specific first. One entry at least, two at most.
  struct Attempt {
    OriginatorField field = OriginatorField::kNone;
    PatternMatches patterns;
  };

  [[nodiscard]] std::span<const Attempt> attempts() const { return attempts_; }

 private:
  void Try(const RuleSet& rules, OriginatorField field, std::span<const std::string> keys);

  absl::InlinedVector<Attempt, 2> attempts_;
};

// The rule that won a recipient, and by what. Points into the RuleSet.
struct Selection {
  RuleIndex rule = kNoRule;  // kNoRule: none matches, DEFAULT (R9); then the rest says nothing
  OriginatorField field = OriginatorField::kNone;
  PatternMatch sender;     // the winner's best sender pattern
  PatternMatch recipient;  // the winner's best recipient pattern
};

// `recipient_key` is a mail::AddressKey(). Cost: one hash look-up for the address, one for each
// label of its domain, and one for each pair of patterns found, until one has a rule.
Selection Select(const RuleSet& rules, const OriginatorMatches& originators,
                 std::string_view recipient_key);

// Recipients that fell to one rule, or to none.
struct RecipientGroup {
  RuleIndex rule = kNoRule;
  std::vector<std::size_t> recipients;  // places in the list of selections, ascending
};

// Splits a message's recipients by winning rule (R5): each is in exactly one group, the groups are
// in the order of their first recipients.
std::vector<RecipientGroup> GroupByRule(std::span<const Selection> selections);

}  // namespace penstock::rules
