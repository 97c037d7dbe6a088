// SPDX-License-Identifier: Apache-2.0
#include "engine/api/history_view.h"

#include <algorithm>

#include "absl/strings/ascii.h"

#include "engine/base/strings.h"
#include "engine/base/time.h"
#include "engine/base/utf8.h"
#include "engine/wire/proto_time.h"
#include "engine/wire/resource_name.h"

namespace penstock::api {
namespace {

using flow::HistoryEntry;
using flow::HistoryKind;

// ": detail" where there is one.
std::string Because(const HistoryEntry& entry) {
  return entry.detail.empty() ? "" : Cat(": ", entry.detail);
}

std::string HookAttempt(const HistoryEntry& entry) {
  return Cat("attempt ", entry.attempt, " of hook ", entry.hook, ": ", AttemptCode(entry),
             " after ", FormatDuration(entry.duration), Because(entry));
}

}  // namespace

std::string SentenceOf(const HistoryEntry& entry) {
  const std::string recipients = Join(entry.recipients, ", ");
  switch (entry.kind) {
    case HistoryKind::kAccepted:
      return entry.detail;
    case HistoryKind::kRuleSelected:
      return Cat(entry.rule.empty() ? "no rule" : Cat("rule ", entry.rule), " for ", recipients,
                 Because(entry));
    case HistoryKind::kAsyncQueued:
      return Cat("event for hook ", entry.hook, " by rule ", entry.rule, Because(entry));
    case HistoryKind::kHookAttempt:
    case HistoryKind::kAsyncAttempt:
      return HookAttempt(entry);
    case HistoryKind::kRetryScheduled:
      return entry.attempt == 0
                 ? Cat("no further attempt of hook ", entry.hook, Because(entry))
                 : Cat("attempt ", entry.attempt, " of hook ", entry.hook, " ", entry.detail);
    case HistoryKind::kFallbackApplied:
      return Cat(entry.action, " for ", recipients, Because(entry));
    case HistoryKind::kWarning:
      return entry.hook.empty() ? entry.detail : Cat("answer of hook ", entry.hook, Because(entry));
    case HistoryKind::kOutcome:
      return Cat(entry.action, " for ", recipients, Because(entry));
    case HistoryKind::kRecipientAdded:
      return Cat(recipients, " ", entry.detail);
    case HistoryKind::kDeliveryAttempt:
      return Cat("attempt ", entry.attempt, " at next hop ", entry.next_hop, ": ", entry.code,
                 " for ", recipients, Because(entry));
    case HistoryKind::kBounceSent:
      return Cat("the sender is told about ", recipients, " ", entry.detail);
    case HistoryKind::kBounceSuppressed:
      return Cat("the sender is not told about ", recipients, Because(entry));
    case HistoryKind::kAsyncDeadLetter:
      return Cat("the event for hook ", entry.hook, " is among the dead letters", Because(entry));
    case HistoryKind::kAsyncRedriven:
      return Cat("the event for hook ", entry.hook, " is in its queue again", Because(entry));
    case HistoryKind::kRetryRequested:
      return Cat(entry.hook.empty() ? Cat("next hop ", entry.next_hop) : Cat("hook ", entry.hook),
                 " is tried again now", Because(entry));
    case HistoryKind::kCancelled:
      return Cat(entry.action, " for ", recipients, Because(entry));
    case HistoryKind::kClosed:
      return "everything is done";
  }
  return entry.detail;
}

v1::HistoryEntry ViewOf(const HistoryEntry& entry, const flow::MessageState& state) {
  v1::HistoryEntry view;
  *view.mutable_time() = wire::ToProto(entry.time);
  std::string kind(Name(entry.kind));
  std::transform(kind.begin(), kind.end(), kind.begin(), absl::ascii_toupper);
  view.set_kind(kind);
  view.set_text(ToValidUtf8(SentenceOf(entry)));
  for (const std::string& recipient : entry.recipients)
    view.add_recipients(ToValidUtf8(recipient));
  view.set_flow_rule(RuleNameOf(state, entry.rule));
  view.set_hook(entry.hook);
  view.set_next_hop(entry.next_hop);
  view.set_action(entry.action);
  view.set_attempt(static_cast<std::int32_t>(entry.attempt));
  const bool is_attempt = entry.kind == HistoryKind::kHookAttempt ||
                          entry.kind == HistoryKind::kAsyncAttempt ||
                          entry.kind == HistoryKind::kDeliveryAttempt;
  if (is_attempt) *view.mutable_duration() = wire::ToProto(entry.duration);
  view.set_code(is_attempt ? AttemptCode(entry) : entry.code);
  return view;
}

v1::InvocationAttempt AttemptOf(const HistoryEntry& entry) {
  v1::InvocationAttempt attempt;
  attempt.set_number(static_cast<std::int32_t>(entry.attempt));
  *attempt.mutable_start_time() = wire::ToProto(entry.time - entry.duration);
  *attempt.mutable_duration() = wire::ToProto(entry.duration);
  attempt.set_code(AttemptCode(entry));
  attempt.set_error(ToValidUtf8(entry.detail));
  return attempt;
}

v1::DeliveryAttempt DeliveryAttemptOf(const HistoryEntry& entry) {
  v1::DeliveryAttempt attempt;
  attempt.set_number(static_cast<std::int32_t>(entry.attempt));
  *attempt.mutable_start_time() = wire::ToProto(entry.time - entry.duration);
  *attempt.mutable_duration() = wire::ToProto(entry.duration);
  attempt.set_code(entry.code);
  attempt.set_reply(ToValidUtf8(entry.detail));
  for (const std::string& recipient : entry.recipients)
    attempt.add_recipients(ToValidUtf8(recipient));
  return attempt;
}

std::string RuleNameOf(const flow::MessageState& state, std::string_view rule) {
  if (rule.empty()) return "";
  return wire::FlowRuleName(state.organization, state.direction, rule);
}

std::string DetailAfter(const HistoryEntry& entry, std::string_view prefix) {
  if (!entry.detail.starts_with(prefix)) return "";
  return entry.detail.substr(prefix.size());
}

}  // namespace penstock::api
