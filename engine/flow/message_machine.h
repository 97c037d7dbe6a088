// SPDX-License-Identifier: Apache-2.0
// The flow of one message, from its plan to its last outcome, as a pure machine: it is told what
// happened and says what to do next. Time and chance come in as arguments, I/O is done by
// runtime/message_runner.
//
//   Begin or Resume ─► Effects ─► [commit, if `record`] ─► start calls and deliveries
//        ▲                                                          │
//        ├── OnHookEnded / OnDeliveryEnded ◄────────────────────────┘
//        └── Intervene ◄── an administrator
//
// What it promises (A5): an outcome is decided once; nothing is delivered before the Effects that
// decided it were committed; a result that is late or comes twice changes nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/status.h"
#include "engine/flow/answer.h"
#include "engine/flow/backoff.h"
#include "engine/flow/event.h"
#include "engine/flow/history.h"
#include "engine/flow/intervention.h"
#include "engine/flow/message_state.h"
#include "engine/flow/resolve.h"
#include "engine/mail/smtp_reply.h"

namespace penstock::flow {

// Where outcomes go and how long deliveries are tried; from the configuration. Immutable.
struct FlowSettings {
  std::string inbound_next_hop;           // DEFAULT of inbound mail
  std::string outbound_next_hop;          // DEFAULT of outbound mail, and foreign recipients (O3)
  std::string bounce_next_hop;            // our DSNs
  std::string junk_next_hop;              // MOVE_TO_JUNK; empty: the inbound one, marked
  std::string bypass_next_hop;            // BYPASS_SPAM_CHECK; empty: the inbound one, marked
  BackoffPolicy hook_retry = kSyncRetry;  // H3
  BackoffPolicy delivery_retry = kDeliveryRetry;           // A8
  Milliseconds delivery_expiry = limits::kDeliveryExpiry;  // A8
  bool strict = false;                                     // H10
};

// Call the hook of invocations[invocation], as attempt `attempt`.
struct StartCall {
  Index invocation;
  std::uint32_t attempt;
  friend bool operator==(const StartCall&, const StartCall&) = default;
};

// Hand deliveries[delivery]'s pending recipients to its next hop, as attempt `attempt`.
struct StartDelivery {
  Index delivery;
  std::uint32_t attempt;
  friend bool operator==(const StartDelivery&, const StartDelivery&) = default;
};

// Tell the sender what became of these recipients: one DSN for all of them, accepted in the same
// commit. The reply says whether that is failure or, where it was asked for, success.
struct BouncedRecipient {
  Index recipient;
  std::string bounce_message;  // a hook's text; empty where a next hop or a rule refused
  mail::SmtpReply reply;       // the next hop's, or ours: reply.server
};

struct Effects {
  bool record = false;  // state, history, bounces: one commit, before anything below is done
  std::vector<HistoryEntry> history;
  std::vector<BouncedRecipient> bounces;
  std::vector<StartCall> calls;
  std::vector<StartDelivery> deliveries;
};

class MessageMachine {
 public:
  // `owns_domain` says whether the message's organization owns a domain, given in A-labels and
  // lower case (H10). `settings` outlives the machine.
  MessageMachine(MessageState state, const FlowSettings& settings,
                 std::function<bool(std::string_view)> owns_domain);

  // For a message just planned: what rules decided at once becomes deliveries and bounces. Its
  // Effects are committed with the acceptance; Resume then starts the work.
  Effects Begin(Time now);

  // What is due now: after Begin's commit, on a wake-up, and after a restart. Work that is already
  // running is not started again.
  Effects Resume(Time now);

  // A hook call ended. `started` is when this attempt began, `chance` in [0, 1) places the next
  // one. `staged`: what the hook put in the place of the content during the attempt; if the answer
  // is accepted, it is in the state, and is committed with it (M2).
  Effects OnHookEnded(const StartCall& call, const StatusOr<Answer>& answer, Time started, Time now,
                      double chance, const std::optional<ReplacedContent>& staged = std::nullopt);

  // A call that Resume asked for was not made, for its turn did not come before the invocation's
  // deadline (H3): no attempt. The next Resume decides.
  void OnCallNotMade(const StartCall& call);

  // Nothing can wait any more (A7): what is undecided gets its fallback. A call that runs then is
  // late when it ends.
  Effects FallBack(std::string_view why, Time now);

  // A delivery ended: one reply for each of Pending(delivery), in that order.
  Effects OnDeliveryEnded(const StartDelivery& delivery,
                          const std::vector<mail::SmtpReply>& replies, Time started, Time now,
                          double chance);

  // An administrator steps in (intervention.h). A call that runs then is late when it ends.
  //   Errors: kFailedPrecondition, with the reason and what to do: nothing waits, nothing is left
  //   to cancel, or a delivery to be cancelled runs. Nothing has changed then.
  StatusOr<Effects> Intervene(const Intervention& intervention, Time now);

  // The event of an invocation, the same on every attempt (H4).
  [[nodiscard]] Event EventOf(Index invocation) const;

  // The recipients that `delivery` still has to hand over, in order.
  [[nodiscard]] std::vector<Index> Pending(Index delivery) const;

  [[nodiscard]] const MessageState& state() const { return state_; }

  // For who is done with the machine.
  MessageState TakeState() && { return std::move(state_); }

 private:
  void MendTimes(Time now);
  [[nodiscard]] std::vector<Index> RecipientsOf(Index invocation) const;
  StatusOr<Resolution> ResolveAnswer(Index invocation, const Answer& answer) const;
  void ApplyResolution(Index invocation, const Resolution& resolution, Time now, Effects& effects);
  void ApplyFallback(Index invocation, std::string_view why, Time now, Effects& effects);
  void Retry(Index invocation, Time started, Time now, double chance, Effects& effects);
  StatusOr<Effects> RetryNow(const Intervention& intervention, Time now);
  StatusOr<Effects> Cancel(const Intervention& intervention, Time now);
  void CancelDeliveries(const Intervention& intervention, Time now, Effects& effects);
  void Settle(const std::vector<Index>& decided, Time now, Effects& effects);
  void Fail(Index recipient, BouncedRecipient bounced, Time now, Effects& effects);
  void Succeed(Index recipient, const mail::SmtpReply& reply, Effects& effects);
  void CloseIfDone(Time now, Effects& effects);

  MessageState state_;
  const FlowSettings& settings_;
  std::function<bool(std::string_view)> owns_domain_;
  std::vector<bool> calling_;     // per invocation: an attempt runs
  std::vector<bool> delivering_;  // per delivery: an attempt runs
};

}  // namespace penstock::flow
