// SPDX-License-Identifier: Apache-2.0
// The enums of the engine beside those of record.proto. Private to the record files.
#pragma once

#include <optional>
#include <utility>

#include "engine/flow/history.h"
#include "engine/flow/message_state.h"
#include "engine/rules/flow_rule.h"

#include "engine/store/record.pb.h"

namespace penstock::store {

// clang-format off
inline constexpr std::pair<rules::FlowDirection, v1::Direction> kDirections[] = {
    {rules::FlowDirection::kInbound, v1::DIRECTION_INBOUND},
    {rules::FlowDirection::kOutbound, v1::DIRECTION_OUTBOUND},
};
inline constexpr std::pair<rules::Action, v1::Action> kActions[] = {
    {rules::Action::kDrop, v1::ACTION_DROP},
    {rules::Action::kBounce, v1::ACTION_BOUNCE},
    {rules::Action::kMoveToJunk, v1::ACTION_MOVE_TO_JUNK},
    {rules::Action::kRouteToGateway, v1::ACTION_ROUTE_TO_GATEWAY},
    {rules::Action::kDefault, v1::ACTION_DEFAULT},
    {rules::Action::kBypassSpamCheck, v1::ACTION_BYPASS_SPAM_CHECK},
    {rules::Action::kRunHook, v1::ACTION_RUN_HOOK},
};
inline constexpr std::pair<rules::InvocationMode, v1::InvocationMode> kModes[] = {
    {rules::InvocationMode::kSync, v1::INVOCATION_MODE_SYNC},
    {rules::InvocationMode::kAsync, v1::INVOCATION_MODE_ASYNC},
};
inline constexpr std::pair<flow::DeliveryProgress, v1::DeliveryProgress> kProgresses[] = {
    {flow::DeliveryProgress::kNone, v1::DELIVERY_PROGRESS_NONE},
    {flow::DeliveryProgress::kPending, v1::DELIVERY_PROGRESS_PENDING},
    {flow::DeliveryProgress::kDelivered, v1::DELIVERY_PROGRESS_DELIVERED},
    {flow::DeliveryProgress::kFailed, v1::DELIVERY_PROGRESS_FAILED},
    {flow::DeliveryProgress::kCancelled, v1::DELIVERY_PROGRESS_CANCELLED},
};
inline constexpr std::pair<flow::DecidedBy, v1::DecidedBy> kDeciders[] = {
    {flow::DecidedBy::kNobody, v1::DECIDED_BY_NOBODY},
    {flow::DecidedBy::kRule, v1::DECIDED_BY_RULE},
    {flow::DecidedBy::kNoRule, v1::DECIDED_BY_NO_RULE},
    {flow::DecidedBy::kForeign, v1::DECIDED_BY_FOREIGN},
    {flow::DecidedBy::kAsyncRule, v1::DECIDED_BY_ASYNC_RULE},
    {flow::DecidedBy::kNamed, v1::DECIDED_BY_NAMED},
    {flow::DecidedBy::kAllRecipients, v1::DECIDED_BY_ALL_RECIPIENTS},
    {flow::DecidedBy::kAnswerFallback, v1::DECIDED_BY_ANSWER_FALLBACK},
    {flow::DecidedBy::kTimeoutFallback, v1::DECIDED_BY_TIMEOUT_FALLBACK},
    {flow::DecidedBy::kAdministrator, v1::DECIDED_BY_ADMINISTRATOR},
};
inline constexpr std::pair<flow::Marking, v1::Marking> kMarkings[] = {
    {flow::Marking::kNone, v1::MARKING_NONE},
    {flow::Marking::kJunk, v1::MARKING_JUNK},
    {flow::Marking::kBypassSpamCheck, v1::MARKING_BYPASS_SPAM_CHECK},
};
inline constexpr std::pair<flow::HistoryKind, v1::HistoryKind> kHistoryKinds[] = {
    {flow::HistoryKind::kAccepted, v1::HISTORY_KIND_ACCEPTED},
    {flow::HistoryKind::kRuleSelected, v1::HISTORY_KIND_RULE_SELECTED},
    {flow::HistoryKind::kAsyncQueued, v1::HISTORY_KIND_ASYNC_QUEUED},
    {flow::HistoryKind::kHookAttempt, v1::HISTORY_KIND_HOOK_ATTEMPT},
    {flow::HistoryKind::kRetryScheduled, v1::HISTORY_KIND_RETRY_SCHEDULED},
    {flow::HistoryKind::kFallbackApplied, v1::HISTORY_KIND_FALLBACK_APPLIED},
    {flow::HistoryKind::kWarning, v1::HISTORY_KIND_WARNING},
    {flow::HistoryKind::kOutcome, v1::HISTORY_KIND_OUTCOME},
    {flow::HistoryKind::kRecipientAdded, v1::HISTORY_KIND_RECIPIENT_ADDED},
    {flow::HistoryKind::kDeliveryAttempt, v1::HISTORY_KIND_DELIVERY_ATTEMPT},
    {flow::HistoryKind::kBounceSent, v1::HISTORY_KIND_BOUNCE_SENT},
    {flow::HistoryKind::kBounceSuppressed, v1::HISTORY_KIND_BOUNCE_SUPPRESSED},
    {flow::HistoryKind::kAsyncAttempt, v1::HISTORY_KIND_ASYNC_ATTEMPT},
    {flow::HistoryKind::kAsyncDeadLetter, v1::HISTORY_KIND_ASYNC_DEAD_LETTER},
    {flow::HistoryKind::kAsyncRedriven, v1::HISTORY_KIND_ASYNC_REDRIVEN},
    {flow::HistoryKind::kRetryRequested, v1::HISTORY_KIND_RETRY_REQUESTED},
    {flow::HistoryKind::kCancelled, v1::HISTORY_KIND_CANCELLED},
    {flow::HistoryKind::kClosed, v1::HISTORY_KIND_CLOSED},
};

// clang-format on

// Returns the stored word for `value`, every one of which stands in its table (a test says so).
template <class Ours, class Stored, std::size_t kCount>
constexpr Stored StoredWord(const std::pair<Ours, Stored> (&table)[kCount], Ours value) {
  for (const auto& [ours, stored] : table) {
    if (ours == value) return stored;
  }
  return Stored{};
}

// Puts our word for `stored` into `out`; returns whether there is one.
template <class Ours, class Stored, std::size_t kCount>
constexpr bool ReadWord(const std::pair<Ours, Stored> (&table)[kCount], Stored value, Ours& out) {
  for (const auto& [ours, stored] : table) {
    if (stored != value) continue;
    out = ours;
    return true;
  }
  return false;
}

}  // namespace penstock::store
