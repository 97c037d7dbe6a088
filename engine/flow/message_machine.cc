// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/message_machine.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/strings.h"

namespace penstock::flow {
namespace {

// Of an attempt that decides all recipients alike: attempt, outcome, closed.
constexpr std::size_t kUsualLines = 3;

DecidedBy ToDecidedBy(Basis basis) {
  switch (basis) {
    case Basis::kNamed:
      return DecidedBy::kNamed;
    case Basis::kAllRecipients:
      return DecidedBy::kAllRecipients;
    case Basis::kFallback:
    case Basis::kSurplus:
      break;
  }
  return DecidedBy::kAnswerFallback;
}

}  // namespace

MessageMachine::MessageMachine(MessageState state, const FlowSettings& settings,
                               std::function<bool(std::string_view)> owns_domain)
    : state_(std::move(state)),
      settings_(settings),
      owns_domain_(std::move(owns_domain)),
      calling_(state_.invocations.size(), false),
      delivering_(state_.deliveries.size(), false) {}

Effects MessageMachine::Begin(Time now) {
  Effects effects;
  effects.record = true;
  std::vector<Index> decided;
  for (Index i = 0; i < state_.recipients.size(); ++i) {
    if (state_.recipients[i].outcome) decided.push_back(i);
  }
  Settle(decided, now, effects);
  CloseIfDone(now, effects);
  return effects;
}

// A time on record that lies further ahead than it ever can was written under a clock that has been
// set back since, over a restart. What waits for it is due now, and no deadline is longer than it
// was (H3, A8).
void MessageMachine::MendTimes(Time now) {
  for (InvocationState& invocation : state_.invocations) {
    const auto latest = now + settings_.hook_retry.max;
    if (invocation.next_attempt && *invocation.next_attempt > latest) invocation.next_attempt = now;
    if (!invocation.deadline) continue;
    invocation.deadline = std::min<Time>(*invocation.deadline, now + invocation.rule_timeout);
  }
  for (DeliveryState& delivery : state_.deliveries) {
    if (delivery.done) continue;
    const auto latest = now + settings_.delivery_retry.max;
    if (delivery.next_attempt && *delivery.next_attempt > latest) delivery.next_attempt = now;
    delivery.expiry = std::min<Time>(delivery.expiry, now + settings_.delivery_expiry);
  }
}

Effects MessageMachine::Resume(Time now) {
  Effects effects;
  MendTimes(now);
  for (Index i = 0; i < state_.invocations.size(); ++i) {
    const InvocationState& invocation = state_.invocations[i];
    if (invocation.decided || calling_[i]) continue;
    if (invocation.deadline && now >= *invocation.deadline) {
      ApplyFallback(i, "the rule timeout is over", now, effects);
    } else if (!invocation.next_attempt || now >= *invocation.next_attempt) {
      calling_[i] = true;
      effects.calls.push_back({i, invocation.attempts_ended + 1});
    }
  }
  // What a fallback has just decided is not due before it is committed: the next Resume starts it.
  if (effects.record) {
    CloseIfDone(now, effects);
    return effects;
  }
  for (Index i = 0; i < state_.deliveries.size(); ++i) {
    const DeliveryState& delivery = state_.deliveries[i];
    if (delivery.done || delivering_[i]) continue;
    if (delivery.next_attempt && now < *delivery.next_attempt) continue;
    delivering_[i] = true;
    effects.deliveries.push_back({i, delivery.attempts_ended + 1});
  }
  return effects;
}

Effects MessageMachine::OnHookEnded(const StartCall& call, const StatusOr<Answer>& answer,
                                    Time started, Time now, double chance,
                                    const std::optional<ReplacedContent>& staged) {
  Effects effects;
  InvocationState& invocation = state_.invocations.at(call.invocation);
  if (invocation.decided || !calling_[call.invocation] ||
      call.attempt != invocation.attempts_ended + 1) {
    return effects;  // late, or a second time
  }
  calling_[call.invocation] = false;
  invocation.attempts_ended = call.attempt;
  invocation.next_attempt.reset();
  effects.record = true;
  effects.history.reserve(kUsualLines);

  const StatusOr<Resolution> resolution =
      answer.ok() ? ResolveAnswer(call.invocation, *answer) : StatusOr<Resolution>(answer.status());
  HistoryEntry entry{.time = now, .kind = HistoryKind::kHookAttempt};
  entry.rule = invocation.rule;
  entry.hook = invocation.hook;
  entry.attempt = call.attempt;
  entry.duration = now - started;
  entry.code = CodeName(resolution.status().code());
  entry.detail = Message(resolution.status());
  if (resolution.ok() && staged) {
    entry.detail = Cat("replaced the content by ", staged->octets, " octets");
  }
  if (answer.ok()) AppendJson(entry.answer_json, *answer);
  effects.history.push_back(std::move(entry));

  if (resolution.ok()) {
    invocation.replaced = staged;
    ApplyResolution(call.invocation, *resolution, now, effects);
  } else {
    Retry(call.invocation, started, now, chance, effects);
  }
  CloseIfDone(now, effects);
  return effects;
}

void MessageMachine::OnCallNotMade(const StartCall& call) {
  calling_.at(call.invocation) = false;
}

Effects MessageMachine::FallBack(std::string_view why, Time now) {
  Effects effects;
  for (Index i = 0; i < state_.invocations.size(); ++i) {
    if (!state_.invocations[i].decided) ApplyFallback(i, why, now, effects);
  }
  CloseIfDone(now, effects);
  return effects;
}

StatusOr<Resolution> MessageMachine::ResolveAnswer(Index invocation, const Answer& answer) const {
  std::vector<std::string> recipients;
  std::vector<std::string> others;
  for (const RecipientState& recipient : state_.recipients) {
    (recipient.invocation == invocation && !recipient.added ? recipients : others)
        .push_back(recipient.forward_path);
  }
  ResolveInput input;
  input.recipients = recipients;
  input.other_recipients = others;
  input.fallback = state_.invocations[invocation].fallback;
  input.direction = state_.direction;
  input.owns_domain = owns_domain_;
  input.strict = settings_.strict;
  input.room = RoomForAdditions(state_.direction, state_.recipients.size());
  return Resolve(input, answer);
}

// H3, H4: the deadline goes on record with the first wait and counts from the first attempt.
void MessageMachine::Retry(Index index, Time started, Time now, double chance, Effects& effects) {
  InvocationState& invocation = state_.invocations[index];
  if (!invocation.deadline) invocation.deadline = started + invocation.rule_timeout;
  if (now >= *invocation.deadline) {
    ApplyFallback(index,
                  invocation.rule_timeout.count() == 0 ? "the only attempt failed"
                                                       : "the rule timeout is over",
                  now, effects);
    return;
  }
  const Time next =
      now + Backoff(settings_.hook_retry, static_cast<int>(invocation.attempts_ended), chance);
  HistoryEntry entry{.time = now, .kind = HistoryKind::kRetryScheduled};
  entry.rule = invocation.rule;
  entry.hook = invocation.hook;
  entry.attempt = invocation.attempts_ended + 1;
  if (next < *invocation.deadline) {
    invocation.next_attempt = next;
    entry.detail = Cat("at ", FormatRfc3339(next), "; the rule timeout ends at ",
                       FormatRfc3339(*invocation.deadline));
  } else {
    // No attempt may start after the deadline, and the fallback does not come before it.
    invocation.next_attempt = invocation.deadline;
    entry.attempt = 0;
    entry.detail =
        Cat("none fits before the rule timeout ends at ", FormatRfc3339(*invocation.deadline));
  }
  effects.history.push_back(std::move(entry));
}

void MessageMachine::ApplyFallback(Index index, std::string_view why, Time now, Effects& effects) {
  InvocationState& invocation = state_.invocations[index];
  invocation.decided = true;
  invocation.fell_back = true;
  invocation.next_attempt.reset();
  effects.record = true;
  const std::vector<Index> recipients = RecipientsOf(index);
  HistoryEntry entry{.time = now, .kind = HistoryKind::kFallbackApplied};
  entry.rule = invocation.rule;
  entry.hook = invocation.hook;
  entry.action = rules::Name(invocation.fallback.action);
  entry.detail = why;
  for (const Index i : recipients) {
    state_.recipients[i].outcome = invocation.fallback;
    state_.recipients[i].decided_by = DecidedBy::kTimeoutFallback;
    entry.recipients.push_back(state_.recipients[i].forward_path);
  }
  effects.history.push_back(std::move(entry));
  Settle(recipients, now, effects);
}

void MessageMachine::ApplyResolution(Index index, const Resolution& resolution, Time now,
                                     Effects& effects) {
  InvocationState& invocation = state_.invocations[index];
  invocation.decided = true;
  std::vector<Index> decided = RecipientsOf(index);
  PENSTOCK_CHECK(decided.size() == resolution.recipients.size());
  for (std::size_t i = 0; i < decided.size(); ++i) {
    state_.recipients[decided[i]].outcome = resolution.recipients[i].verdict;
    state_.recipients[decided[i]].decided_by = ToDecidedBy(resolution.recipients[i].basis);
  }
  HistoryEntry entry{.time = now, .kind = HistoryKind::kWarning};
  entry.rule = invocation.rule;
  entry.hook = invocation.hook;
  for (const Warning& warning : resolution.warnings) {
    entry.code = Name(warning.reason);
    entry.detail = Cat(warning.where, ": ", warning.text);
    effects.history.push_back(entry);
  }
  if (resolution.warnings_left_out > 0) {
    entry.code.clear();
    entry.detail = Cat(resolution.warnings_left_out, " further warnings left out");
    effects.history.push_back(entry);
  }
  entry.kind = HistoryKind::kRecipientAdded;
  entry.code.clear();
  entry.detail = "as BCC, by the hook's answer";
  for (const Addition& addition : resolution.additions) {
    RecipientState recipient;
    recipient.forward_path = addition.address;
    recipient.rule = invocation.rule;
    recipient.added = true;
    recipient.invocation = index;
    recipient.outcome.emplace(addition.verdict);
    recipient.decided_by = DecidedBy::kNamed;
    entry.recipients.push_back(addition.address);
    decided.push_back(static_cast<Index>(state_.recipients.size()));
    state_.recipients.push_back(std::move(recipient));
  }
  if (!entry.recipients.empty()) effects.history.push_back(std::move(entry));
  Settle(decided, now, effects);
}

void MessageMachine::CloseIfDone(Time now, Effects& effects) {
  if (!effects.record || Phase(state_) != MessagePhase::kClosed) return;
  effects.history.push_back({.time = now, .kind = HistoryKind::kClosed});
}

std::vector<Index> MessageMachine::RecipientsOf(Index invocation) const {
  std::vector<Index> recipients;
  for (Index i = 0; i < state_.recipients.size(); ++i) {
    if (state_.recipients[i].invocation == invocation && !state_.recipients[i].added) {
      recipients.push_back(i);
    }
  }
  return recipients;
}

Event MessageMachine::EventOf(Index invocation) const {
  std::vector<std::string> recipients;
  for (const Index i : RecipientsOf(invocation))
    recipients.push_back(state_.recipients[i].forward_path);
  return BuildEvent(state_.summary, recipients, state_.id, state_.invocations[invocation].id,
                    state_.direction);
}

}  // namespace penstock::flow
