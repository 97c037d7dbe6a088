// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/history.h"

#include "engine/base/status.h"

namespace penstock::flow {

std::string_view Name(HistoryKind kind) {
  switch (kind) {
    case HistoryKind::kAccepted:
      return "accepted";
    case HistoryKind::kRuleSelected:
      return "rule_selected";
    case HistoryKind::kAsyncQueued:
      return "async_queued";
    case HistoryKind::kHookAttempt:
      return "hook_attempt";
    case HistoryKind::kRetryScheduled:
      return "retry_scheduled";
    case HistoryKind::kFallbackApplied:
      return "fallback_applied";
    case HistoryKind::kWarning:
      return "warning";
    case HistoryKind::kOutcome:
      return "outcome";
    case HistoryKind::kRecipientAdded:
      return "recipient_added";
    case HistoryKind::kDeliveryAttempt:
      return "delivery_attempt";
    case HistoryKind::kBounceSent:
      return "bounce_sent";
    case HistoryKind::kBounceSuppressed:
      return "bounce_suppressed";
    case HistoryKind::kAsyncAttempt:
      return "async_attempt";
    case HistoryKind::kAsyncDeadLetter:
      return "async_dead_letter";
    case HistoryKind::kAsyncRedriven:
      return "async_redriven";
    case HistoryKind::kRetryRequested:
      return "retry_requested";
    case HistoryKind::kCancelled:
      return "cancelled";
    case HistoryKind::kClosed:
      return "closed";
  }
  return "";
}

// The code alone could be the hook's own; what could be read is on record.
std::string AttemptCode(const HistoryEntry& entry) {
  const bool refused = entry.code != CodeName(StatusCode::kOk) && !entry.answer_json.empty();
  return refused ? "INVALID_ANSWER" : entry.code;
}

}  // namespace penstock::flow
