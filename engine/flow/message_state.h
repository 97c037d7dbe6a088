// SPDX-License-Identifier: Apache-2.0
// Everything durable about one message in transit: what was accepted, what was planned, how far it
// is. One record in the store holds one MessageState; MessageMachine is the only writer. A restart
// goes on from the last one that was committed.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/time.h"
#include "engine/flow/event.h"
#include "engine/mail/envelope.h"
#include "engine/rules/flow_rule.h"

namespace penstock::flow {

// Index into a vector of MessageState; kNoIndex stands for no element.
using Index = std::uint32_t;
inline constexpr Index kNoIndex = std::numeric_limits<Index>::max();

// How far a recipient's delivery is. Only outcomes that deliver have one.
enum class DeliveryProgress : std::uint8_t {
  kNone,       // not decided yet, or an outcome that delivers nothing
  kPending,    // waits for its next hop
  kDelivered,  // the next hop took it
  kFailed,     // refused for good, or expired (A8); the sender was told where A3 allows
  kCancelled,  // an administrator has ended it
};

// What decided a recipient's outcome.
enum class DecidedBy : std::uint8_t {
  kNobody,           // not decided yet
  kRule,             // a rule with an action of its own
  kNoRule,           // none matched (R9)
  kForeign,          // not the organization's (O3)
  kAsyncRule,        // an ASYNC rule lets it go (R11)
  kNamed,            // the hook's answer, by name (H7); also who was added (H9)
  kAllRecipients,    // the hook's answer, by allRecipients
  kAnswerFallback,   // the fallback, because a valid answer says nothing of it (H7, H8)
  kTimeoutFallback,  // the fallback, because no attempt succeeded (H3)
  kAdministrator,    // who has ended the wait for a hook
};

struct RecipientState {
  std::string forward_path;     // as given in RCPT, or as a hook named it
  std::string rule;             // the rule that won (R6); empty: none matched, foreign, or added
  bool added = false;           // by a hook's answer, as BCC (H9)
  bool foreign = false;         // not in an owned domain (O3): normal flow, in no event
  Index invocation = kNoIndex;  // SYNC: into MessageState::invocations
  std::string rule_reason;      // why it won: its patterns and what they matched
  std::optional<rules::Verdict> outcome;  // decided once, never changed (A5)
  DecidedBy decided_by = DecidedBy::kNobody;
  Index delivery = kNoIndex;  // into MessageState::deliveries
  DeliveryProgress progress = DeliveryProgress::kNone;
  std::string last_reply;  // of the next hop, one line; for `message show`
  mail::RecipientDsn dsn;  // what the sender wants to be told of it; of an added one, nothing
  friend bool operator==(const RecipientState&, const RecipientState&) = default;
};

// What a hook's accepted answer came with in the place of the message as received (M2).
struct ReplacedContent {
  ContentId id;
  std::uint64_t octets = 0;
  bool smtputf8 = false;   // it needs SMTPUTF8 (RFC 6531), whatever its envelope
  bool body_8bit = false;  // it has octets over 127
  friend bool operator==(const ReplacedContent&, const ReplacedContent&) = default;
};

// A SYNC hook's decision over all its attempts (H3, H4).
struct InvocationState {
  InvocationId id;
  std::string rule;
  std::string hook;
  rules::Verdict fallback;
  std::chrono::minutes rule_timeout{0};
  std::uint32_t attempts_ended = 0;  // the attempt that runs or comes next has this number + 1
  std::optional<Time> deadline;  // no attempt starts after it; on record with the first wait (H4)
  std::optional<Time> next_attempt;  // set while it waits
  bool decided = false;
  bool fell_back = false;                   // decided, and by the fallback for all (H3)
  std::optional<ReplacedContent> replaced;  // decided, and its recipients get this (M2)
  friend bool operator==(const InvocationState&, const InvocationState&) = default;
};

// How a delivered message is marked (A1).
enum class Marking : std::uint8_t { kNone, kJunk, kBypassSpamCheck };

// One transaction with a next hop: recipients of the same outcome and content (A2).
struct DeliveryState {
  std::string next_hop;
  Marking marking = Marking::kNone;
  Index content_of = kNoIndex;  // the invocation whose replaced content goes; kNoIndex: as received
  std::uint32_t attempts_ended = 0;
  std::optional<Time> next_attempt;  // set while it waits for its next attempt (A8)
  Time expiry;                       // A8: what is still pending then has failed
  std::string last_error;            // why it waits
  bool done = false;
  friend bool operator==(const DeliveryState&, const DeliveryState&) = default;
};

struct MessageState {
  MessageId id;
  std::string organization;
  rules::FlowDirection direction = rules::FlowDirection::kInbound;
  mail::ClientInfo client;
  std::string reverse_path;  // as given; empty is the null path
  bool smtputf8 = false;
  bool body_8bit = false;
  mail::MessageDsn dsn;
  ContentId content;         // as received; several messages may share it
  std::uint64_t octets = 0;  // of the content
  Time received;             // when the last octet came
  std::string msg_id;        // the Message-ID field, for people who search; may be empty
  MessageSummary summary;    // what every event of it says (E2, E4)
  bool may_bounce = true;    // A3: false for a null or auto-submitted sender and for a DSN
  bool is_bounce = false;    // a DSN of ours
  bool retained = false;     // the content outlives the message, for a hook that may read it (M5)
  std::vector<RecipientState> recipients;
  std::vector<InvocationState> invocations;
  std::vector<DeliveryState> deliveries;
  friend bool operator==(const MessageState&, const MessageState&) = default;
};

// What a message waits for, in the words of `message list --state`.
enum class MessagePhase : std::uint8_t {
  kActive,      // work is due now
  kWaiting,     // a hook failed; its next attempt is due later
  kDelivering,  // a next hop deferred it; the next attempt is due later
  kClosed,      // every outcome is final and every delivery done
};

MessagePhase Phase(const MessageState& state);

// The earliest time at which something is due; nullopt if closed. `Time{}` if due at once.
std::optional<Time> WakeTime(const MessageState& state);

// The contents beside the one received that it needs while it is open: what hooks replaced it by.
std::vector<ContentId> ReplacedContents(const MessageState& state);

std::string_view Name(MessagePhase phase);
std::string_view Name(DeliveryProgress progress);
std::string_view Name(Marking marking);
std::string_view Name(DecidedBy decided_by);

}  // namespace penstock::flow
