// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/message_state.h"

#include <algorithm>

namespace penstock::flow {

MessagePhase Phase(const MessageState& state) {
  bool waiting = false;
  bool delivering = false;
  for (const InvocationState& invocation : state.invocations) {
    if (invocation.decided) continue;
    if (!invocation.next_attempt) return MessagePhase::kActive;
    waiting = true;
  }
  for (const DeliveryState& delivery : state.deliveries) {
    if (delivery.done) continue;
    if (!delivery.next_attempt) return MessagePhase::kActive;
    delivering = true;
  }
  if (waiting) return MessagePhase::kWaiting;
  return delivering ? MessagePhase::kDelivering : MessagePhase::kClosed;
}

std::optional<Time> WakeTime(const MessageState& state) {
  std::optional<Time> earliest;
  const auto due = [&earliest](Time time) {
    earliest = earliest ? std::min(*earliest, time) : time;
  };
  for (const InvocationState& invocation : state.invocations) {
    if (!invocation.decided) due(invocation.next_attempt.value_or(Time{}));
  }
  for (const DeliveryState& delivery : state.deliveries) {
    if (!delivery.done) due(delivery.next_attempt.value_or(Time{}));
  }
  return earliest;
}

std::vector<ContentId> ReplacedContents(const MessageState& state) {
  std::vector<ContentId> contents;
  for (const InvocationState& invocation : state.invocations) {
    if (invocation.replaced) contents.push_back(invocation.replaced->id);
  }
  return contents;
}

std::string_view Name(MessagePhase phase) {
  switch (phase) {
    case MessagePhase::kActive:
      return "active";
    case MessagePhase::kWaiting:
      return "waiting";
    case MessagePhase::kDelivering:
      return "delivering";
    case MessagePhase::kClosed:
      return "closed";
  }
  return "";
}

std::string_view Name(DeliveryProgress progress) {
  switch (progress) {
    case DeliveryProgress::kNone:
      return "none";
    case DeliveryProgress::kPending:
      return "pending";
    case DeliveryProgress::kDelivered:
      return "delivered";
    case DeliveryProgress::kFailed:
      return "failed";
    case DeliveryProgress::kCancelled:
      return "cancelled";
  }
  return "";
}

std::string_view Name(Marking marking) {
  switch (marking) {
    case Marking::kNone:
      return "none";
    case Marking::kJunk:
      return "junk";
    case Marking::kBypassSpamCheck:
      return "bypass_spam_check";
  }
  return "";
}

std::string_view Name(DecidedBy decided_by) {
  switch (decided_by) {
    case DecidedBy::kNobody:
      return "nobody";
    case DecidedBy::kRule:
      return "rule";
    case DecidedBy::kNoRule:
      return "no_rule";
    case DecidedBy::kForeign:
      return "foreign";
    case DecidedBy::kAsyncRule:
      return "async_rule";
    case DecidedBy::kNamed:
      return "named";
    case DecidedBy::kAllRecipients:
      return "all_recipients";
    case DecidedBy::kAnswerFallback:
      return "answer_fallback";
    case DecidedBy::kTimeoutFallback:
      return "timeout_fallback";
    case DecidedBy::kAdministrator:
      return "administrator";
  }
  return "";
}

}  // namespace penstock::flow
