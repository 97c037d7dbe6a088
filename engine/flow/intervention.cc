// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/intervention.h"

#include <map>
#include <utility>
#include <vector>

#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/flow/message_machine.h"

namespace penstock::flow {
namespace {

using rules::Action;

Status NothingLeft(std::string_view what) {
  return FailedPrecondition(Cat("everything is done: there is nothing to ", what));
}

// What a bounce that an administrator asks for says in its Status, and without words of his.
mail::SmtpReply CancelledByAdministrator() {
  return {550, {5, 7, 1}, "cancelled by the administrator"};
}

}  // namespace

StatusOr<Effects> MessageMachine::Intervene(const Intervention& intervention, Time now) {
  return intervention.kind == Intervention::Kind::kRetry ? RetryNow(intervention, now)
                                                         : Cancel(intervention, now);
}

// The deadline of an invocation stays (H3), and so does its id.
StatusOr<Effects> MessageMachine::RetryNow(const Intervention& intervention, Time now) {
  if (Phase(state_) == MessagePhase::kClosed) return NothingLeft("retry");
  Effects effects;
  HistoryEntry entry{.time = now, .kind = HistoryKind::kRetryRequested};
  entry.detail = Cat("by ", intervention.who);
  for (InvocationState& invocation : state_.invocations) {
    if (invocation.decided || !invocation.next_attempt) continue;
    invocation.next_attempt.reset();
    entry.rule = invocation.rule;
    entry.hook = invocation.hook;
    entry.attempt = invocation.attempts_ended + 1;
    effects.history.push_back(entry);
  }
  entry.rule.clear();
  entry.hook.clear();
  for (DeliveryState& delivery : state_.deliveries) {
    if (delivery.done || !delivery.next_attempt) continue;
    delivery.next_attempt.reset();
    entry.next_hop = delivery.next_hop;
    entry.attempt = delivery.attempts_ended + 1;
    effects.history.push_back(entry);
  }
  if (effects.history.empty()) {
    return FailedPrecondition("nothing waits: an attempt runs now or is about to");
  }
  effects.record = true;
  return effects;
}

StatusOr<Effects> MessageMachine::Cancel(const Intervention& intervention, Time now) {
  const rules::Verdict& verdict = intervention.verdict;
  if (Phase(state_) == MessagePhase::kClosed) return NothingLeft("cancel");
  const bool ends_deliveries = verdict.action != Action::kDefault;
  for (Index i = 0; ends_deliveries && i < state_.deliveries.size(); ++i) {
    if (!delivering_[i]) continue;
    return FailedPrecondition(
        Cat("attempt ", state_.deliveries[i].attempts_ended + 1, " at next hop ",
            state_.deliveries[i].next_hop,
            " runs now and may have been taken already; do it again when it has ended"));
  }
  Effects effects;
  std::vector<Index> decided;
  for (Index i = 0; i < state_.invocations.size(); ++i) {
    InvocationState& invocation = state_.invocations[i];
    if (invocation.decided) continue;
    invocation.decided = true;
    invocation.next_attempt.reset();
    HistoryEntry entry{.time = now, .kind = HistoryKind::kCancelled};
    entry.rule = invocation.rule;
    entry.hook = invocation.hook;
    entry.action = rules::Name(verdict.action);
    entry.detail = Cat("by ", intervention.who);
    for (const Index recipient : RecipientsOf(i)) {
      state_.recipients[recipient].outcome = verdict;
      state_.recipients[recipient].decided_by = DecidedBy::kAdministrator;
      entry.recipients.push_back(state_.recipients[recipient].forward_path);
      decided.push_back(recipient);
    }
    effects.history.push_back(std::move(entry));
  }
  if (ends_deliveries) CancelDeliveries(intervention, now, effects);
  if (effects.history.empty()) {
    return FailedPrecondition(
        "every recipient has its outcome and is on its way to a next hop; end that with DROP or "
        "BOUNCE");
  }
  effects.record = true;
  Settle(decided, now, effects);
  CloseIfDone(now, effects);
  return effects;
}

// Outcomes stay as they were decided (A5); their delivery ends.
void MessageMachine::CancelDeliveries(const Intervention& intervention, Time now,
                                      Effects& effects) {
  const rules::Verdict& verdict = intervention.verdict;
  for (Index i = 0; i < state_.deliveries.size(); ++i) {
    DeliveryState& delivery = state_.deliveries[i];
    if (delivery.done) continue;
    HistoryEntry entry{.time = now, .kind = HistoryKind::kCancelled};
    entry.next_hop = delivery.next_hop;
    entry.action = rules::Name(verdict.action);
    entry.detail = Cat("by ", intervention.who);
    const std::vector<Index> pending = Pending(i);
    for (const Index recipient : pending) {
      state_.recipients[recipient].progress = DeliveryProgress::kCancelled;
      entry.recipients.push_back(state_.recipients[recipient].forward_path);
    }
    delivery.done = true;
    delivery.next_attempt.reset();
    effects.history.push_back(std::move(entry));
    if (verdict.action != Action::kBounce) continue;
    for (const Index recipient : pending) {
      Fail(recipient, {recipient, verdict.bounce_message, CancelledByAdministrator()}, now,
           effects);
    }
  }
}

}  // namespace penstock::flow
