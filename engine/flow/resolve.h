// SPDX-License-Identifier: Apache-2.0
// From a hook's answer to one verdict for each recipient (SPEC H5–H11). A pure function, linear in
// its input: the answer is hostile. What is odd but valid is a warning in the result; what is
// invalid (H6) is a Status, and so a failed attempt.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/flow/answer.h"
#include "engine/rules/flow_rule.h"

namespace penstock::flow {

inline constexpr std::size_t kUnlimitedRoom = std::numeric_limits<std::size_t>::max();

// Returns how many recipients a hook may add to a message that has `recipients` of them (H11):
// unlimited for inbound mail. A message has one SYNC invocation at most, for R10 gives every SYNC
// rule the recipient pattern `*`: of several, the same one wins wherever one does. So H11's order
// of rule names never has anything to put in order.
std::size_t RoomForAdditions(rules::FlowDirection direction, std::size_t recipients);

struct ResolveInput {
  std::span<const std::string> recipients;        // of the invocation, all, those that E5 cut too
  std::span<const std::string> other_recipients;  // that the same message has beside these
  rules::Verdict fallback;
  rules::FlowDirection direction = rules::FlowDirection::kInbound;
  // Whether the organization owns a domain, given in A-labels and lower case (NormalizeDomain).
  // Asked for inbound additions only (H10); unset: it owns none.
  std::function<bool(std::string_view domain)> owns_domain;
  bool strict = false;                // H10: a foreign addition makes the answer invalid
  std::size_t room = kUnlimitedRoom;  // H11: additions beyond it are left out
};

// What decided a recipient's verdict (H7, H8).
enum class Basis : std::uint8_t {
  kNamed,          // an action that names it
  kAllRecipients,  // allRecipients
  kFallback,       // nothing in the answer: the rule's fallback
  kSurplus,        // named by surplus actions only (H8): the rule's fallback
};

struct Resolved {
  rules::Verdict verdict;
  Basis basis = Basis::kFallback;
  friend bool operator==(const Resolved&, const Resolved&) = default;
};

// A recipient that the answer adds as BCC (H9).
struct Addition {
  std::string address;  // as the hook wrote it the first time
  rules::Verdict verdict;
  friend bool operator==(const Addition&, const Addition&) = default;
};

// Why something in a valid answer was not done as written.
enum class Reason : std::uint8_t {
  kConflict,            // H7: two actions for one recipient; the most restrictive was taken
  kAllConflict,         // H7: two actions for allRecipients; likewise
  kSurplusAction,       // H8: beyond the tenth unique action
  kNoRecipients,        // H6: a typed entry that names nobody
  kNotAnAddress,        // H9: does not parse
  kStrangerNotRefused,  // H9: BOUNCE or DROP of no recipient
  kUnderAnotherRule,    // H9: a recipient of the message that another rule decides
  kForeignAddition,     // H10: inbound, outside the organization
  kNoRoom,              // H11: beyond 500 recipients
};

// "CONFLICT" and so on: the word in logs, counters and the record.
std::string_view Name(Basis basis);
std::string_view Name(Reason reason);

struct Warning {
  Reason reason;
  std::string where;  // "actions[2].recipients[0]"
  std::string text;   // what, and what was done instead
  friend bool operator==(const Warning&, const Warning&) = default;
};

struct Resolution {
  std::vector<Resolved> recipients;   // one for each of ResolveInput::recipients, in their order
  std::vector<Addition> additions;    // in order of appearance; none is a recipient of the message
  std::vector<Warning> warnings;      // at most limits::kAnswerWarningsMax
  std::size_t warnings_left_out = 0;  // those beyond it, counted
  friend bool operator==(const Resolution&, const Resolution&) = default;
};

// Judges `answer` and applies it.
//   Errors: kInvalidArgument, naming the field (H6), e.g.
//   `actions[2].action.type: "QUARANTINE" is no outbound action (DROP, BOUNCE, DEFAULT)`.
StatusOr<Resolution> Resolve(const ResolveInput& input, const Answer& answer);

}  // namespace penstock::flow
