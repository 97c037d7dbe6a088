// SPDX-License-Identifier: Apache-2.0
#include "engine/api/message_view.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "engine/api/history_view.h"
#include "engine/base/strings.h"
#include "engine/base/utf8.h"
#include "engine/flow/backoff.h"
#include "engine/flow/message_machine.h"
#include "engine/mail/dsn_parameters.h"
#include "engine/mail/xtext.h"
#include "engine/wire/answer_json.h"
#include "engine/wire/convert_flow_rule.h"
#include "engine/wire/convert_hook_call.h"
#include "engine/wire/proto_time.h"
#include "engine/wire/resource_name.h"

#include "penstock/v1/flow_rules.pb.h"
#include "penstock/v1/hook.pb.h"

namespace penstock::api {
namespace {

using flow::DecidedBy;
using flow::HistoryEntry;
using flow::HistoryKind;
using flow::Index;
using flow::MessageState;

v1::Message::State ToProto(flow::MessagePhase phase) {
  switch (phase) {
    case flow::MessagePhase::kActive:
      return v1::Message::ACTIVE;
    case flow::MessagePhase::kWaiting:
      return v1::Message::WAITING;
    case flow::MessagePhase::kDelivering:
      return v1::Message::DELIVERING;
    case flow::MessagePhase::kClosed:
      return v1::Message::CLOSED;
  }
  return v1::Message::UNSPECIFIED;
}

v1::MessageRecipient::Source ToProto(DecidedBy decided_by) {
  switch (decided_by) {
    case DecidedBy::kNobody:
      break;
    case DecidedBy::kRule:
    case DecidedBy::kAsyncRule:
      return v1::MessageRecipient::RULE;
    case DecidedBy::kNoRule:
      return v1::MessageRecipient::NO_RULE;
    case DecidedBy::kForeign:
      return v1::MessageRecipient::FOREIGN;
    case DecidedBy::kNamed:
    case DecidedBy::kAllRecipients:
      return v1::MessageRecipient::ANSWER;
    case DecidedBy::kAnswerFallback:
    case DecidedBy::kTimeoutFallback:
      return v1::MessageRecipient::FALLBACK;
    case DecidedBy::kAdministrator:
      return v1::MessageRecipient::ADMINISTRATOR;
  }
  return v1::MessageRecipient::SOURCE_UNSPECIFIED;
}

v1::MessageRecipient::State StateOf(const flow::RecipientState& recipient) {
  if (!recipient.outcome) return v1::MessageRecipient::UNDECIDED;
  if (recipient.outcome->action == rules::Action::kDrop) return v1::MessageRecipient::DROPPED;
  // The commit that decides a BOUNCE accepts its DSN as well (A3, A5).
  if (recipient.outcome->action == rules::Action::kBounce) return v1::MessageRecipient::BOUNCED;
  switch (recipient.progress) {
    case flow::DeliveryProgress::kNone:
    case flow::DeliveryProgress::kPending:
      return v1::MessageRecipient::PENDING;
    case flow::DeliveryProgress::kDelivered:
      return v1::MessageRecipient::DELIVERED;
    case flow::DeliveryProgress::kFailed:
      return v1::MessageRecipient::FAILED;
    case flow::DeliveryProgress::kCancelled:
      return v1::MessageRecipient::CANCELLED;
  }
  return v1::MessageRecipient::STATE_UNSPECIFIED;
}

// Parameters of a command, each behind a space, as text.
std::string Spoken(std::string_view parameters) {
  return ToValidUtf8(TrimAsciiSpace(parameters));
}

v1::MessageRecipient ViewOf(const flow::RecipientState& recipient, const MessageState& state) {
  v1::MessageRecipient view;
  view.set_address(ToValidUtf8(recipient.forward_path));
  view.set_flow_rule(RuleNameOf(state, recipient.rule));
  if (recipient.outcome) *view.mutable_verdict() = wire::ToProto(*recipient.outcome);
  view.set_flow_rule_reason(ToValidUtf8(recipient.rule_reason));
  view.set_source(ToProto(recipient.decided_by));
  view.set_added(recipient.added);
  view.set_state(StateOf(recipient));
  if (recipient.invocation != flow::kNoIndex) {
    view.set_invocation_id(state.invocations[recipient.invocation].id.text());
  }
  if (recipient.delivery != flow::kNoIndex &&
      recipient.progress == flow::DeliveryProgress::kPending) {
    const flow::DeliveryState& delivery = state.deliveries[recipient.delivery];
    if (delivery.next_attempt) {
      *view.mutable_next_attempt_time() = wire::ToProto(*delivery.next_attempt);
    }
  }
  view.set_last_reply(ToValidUtf8(recipient.last_reply));
  view.set_report_options(Spoken(RcptParameters(recipient.dsn, true)));
  return view;
}

void AddWarningsAndAttempts(const std::vector<HistoryEntry>& history, HistoryKind kind,
                            const std::string& rule, v1::Invocation& view) {
  for (const HistoryEntry& entry : history) {
    if (entry.rule != rule) continue;
    if (entry.kind == kind) *view.add_attempts() = AttemptOf(entry);
    if (entry.kind == HistoryKind::kWarning && kind == HistoryKind::kHookAttempt) {
      view.add_warnings(ToValidUtf8(entry.detail));
    }
  }
}

// The answer of the attempt that succeeded.
void AddAnswer(const std::vector<HistoryEntry>& history, const std::string& rule,
               v1::Invocation& view) {
  for (const HistoryEntry& entry : history) {
    if (entry.kind != HistoryKind::kHookAttempt || entry.rule != rule) continue;
    if (entry.code != CodeName(StatusCode::kOk)) continue;
    const auto answer = wire::ParseAnswerJson(entry.answer_json);
    if (answer.ok()) *view.mutable_answer() = wire::ToProto(*answer);
  }
}

v1::Invocation::State StateOf(Index index, const MessageState& state) {
  const flow::InvocationState& invocation = state.invocations[index];
  if (!invocation.decided) {
    return invocation.next_attempt ? v1::Invocation::WAITING : v1::Invocation::RUNNING;
  }
  if (invocation.fell_back) return v1::Invocation::FALLBACK;
  const auto& recipients = state.recipients;
  const bool cancelled = std::any_of(recipients.begin(), recipients.end(), [&](const auto& one) {
    return one.invocation == index && one.decided_by == DecidedBy::kAdministrator;
  });
  return cancelled ? v1::Invocation::CANCELLED : v1::Invocation::ANSWERED;
}

v1::Invocation ViewOf(Index index, const flow::MessageMachine& machine,
                      const std::vector<HistoryEntry>& history) {
  const MessageState& state = machine.state();
  const flow::InvocationState& invocation = state.invocations[index];
  v1::Invocation view;
  view.set_invocation_id(invocation.id.text());
  view.set_hook(invocation.hook);
  view.set_flow_rule(RuleNameOf(state, invocation.rule));
  view.set_mode(v1::InvokeRequest::SYNC);
  view.set_state(StateOf(index, state));
  for (const flow::RecipientState& recipient : state.recipients) {
    if (recipient.invocation == index && !recipient.added) {
      view.add_recipients(ToValidUtf8(recipient.forward_path));
    }
  }
  AddWarningsAndAttempts(history, HistoryKind::kHookAttempt, invocation.rule, view);
  view.set_attempt_count(static_cast<std::int32_t>(invocation.attempts_ended));
  if (invocation.next_attempt) {
    *view.mutable_next_attempt_time() = wire::ToProto(*invocation.next_attempt);
  }
  if (invocation.deadline) *view.mutable_deadline() = wire::ToProto(*invocation.deadline);
  *view.mutable_event() = wire::ToProto(machine.EventOf(index));
  if (view.state() == v1::Invocation::ANSWERED) AddAnswer(history, invocation.rule, view);
  return view;
}

// What a step of its history makes of an ASYNC invocation.
void AddAsyncStep(const HistoryEntry& entry, v1::Invocation& view) {
  switch (entry.kind) {
    case HistoryKind::kAsyncAttempt:
      view.clear_next_attempt_time();
      if (entry.code == CodeName(StatusCode::kOk)) {
        view.set_state(v1::Invocation::ANSWERED);
        break;
      }
      view.set_state(v1::Invocation::WAITING);
      // H12's waits have no jitter, so the attempt's end tells when the next one is due.
      *view.mutable_next_attempt_time() = wire::ToProto(
          entry.time + Backoff(flow::kAsyncRetry, static_cast<int>(entry.attempt), 0));
      break;
    case HistoryKind::kAsyncDeadLetter:
      view.set_state(v1::Invocation::DEAD_LETTER);
      view.clear_next_attempt_time();
      break;
    case HistoryKind::kAsyncRedriven:
      view.set_state(v1::Invocation::RUNNING);
      view.clear_next_attempt_time();
      break;
    default:
      break;
  }
}

// An ASYNC invocation is no part of the message's state (R11): its history tells of it.
v1::Invocation ViewOfAsync(const HistoryEntry& queued, const MessageState& state,
                           const std::vector<HistoryEntry>& history) {
  v1::Invocation view;
  const InvocationId id(DetailAfter(queued, "invocation "));
  view.set_invocation_id(id.text());
  view.set_hook(queued.hook);
  view.set_flow_rule(RuleNameOf(state, queued.rule));
  view.set_mode(v1::InvokeRequest::ASYNC);
  for (const std::string& recipient : queued.recipients)
    view.add_recipients(ToValidUtf8(recipient));
  AddWarningsAndAttempts(history, HistoryKind::kAsyncAttempt, queued.rule, view);
  view.set_attempt_count(view.attempts_size());
  view.set_state(v1::Invocation::RUNNING);
  for (const HistoryEntry& entry : history) {
    if (entry.rule == queued.rule) AddAsyncStep(entry, view);
  }
  *view.mutable_event() = wire::ToProto(
      flow::BuildEvent(state.summary, queued.recipients, state.id, id, state.direction));
  return view;
}

// The delivery that an attempt on record belongs to; its recipients tell, for two deliveries may
// go to one next hop.
Index DeliveryOf(const HistoryEntry& entry, const MessageState& state) {
  if (entry.recipients.empty()) return flow::kNoIndex;
  for (const flow::RecipientState& recipient : state.recipients) {
    if (recipient.forward_path == entry.recipients.front()) return recipient.delivery;
  }
  return flow::kNoIndex;
}

v1::Delivery ViewOf(Index index, const MessageState& state,
                    const std::vector<HistoryEntry>& history) {
  const flow::DeliveryState& delivery = state.deliveries[index];
  v1::Delivery view;
  view.set_number(static_cast<std::int32_t>(index + 1));
  view.set_next_hop(delivery.next_hop);
  for (const flow::RecipientState& recipient : state.recipients) {
    if (recipient.delivery != index) continue;
    view.add_recipients(ToValidUtf8(recipient.forward_path));
    if (recipient.outcome) view.set_action(wire::ToProto(*recipient.outcome).action());
  }
  view.set_state(delivery.done ? v1::Delivery::CLOSED : v1::Delivery::PENDING);
  for (const HistoryEntry& entry : history) {
    if (entry.kind == HistoryKind::kDeliveryAttempt && DeliveryOf(entry, state) == index) {
      *view.add_attempts() = DeliveryAttemptOf(entry);
    }
  }
  view.set_attempt_count(static_cast<std::int32_t>(delivery.attempts_ended));
  if (delivery.next_attempt) {
    *view.mutable_next_attempt_time() = wire::ToProto(*delivery.next_attempt);
  }
  *view.mutable_expire_time() = wire::ToProto(delivery.expiry);
  return view;
}

// Which message tells the sender about whom.
void AddBounces(const ports::StoredMessage& message, v1::Message& view) {
  for (const HistoryEntry& entry : message.history) {
    if (entry.kind != HistoryKind::kBounceSent) continue;
    const std::string bounce = wire::MessageName(MessageId(DetailAfter(entry, "as message ")));
    for (int i = 0; i < view.recipients_size(); ++i) {
      const auto& recipient = message.state.recipients[static_cast<std::size_t>(i)];
      const auto& told = entry.recipients;
      if (std::find(told.begin(), told.end(), recipient.forward_path) != told.end()) {
        view.mutable_recipients(i)->set_bounce(bounce);
      }
    }
  }
}

}  // namespace

v1::Message ViewInList(const MessageState& state) {
  v1::Message view;
  view.set_name(wire::MessageName(state.id));
  view.set_organization(state.organization);
  view.set_direction(state.direction == rules::FlowDirection::kInbound ? v1::Event::INBOUND
                                                                       : v1::Event::OUTBOUND);
  view.set_state(ToProto(flow::Phase(state)));
  view.set_reverse_path(ToValidUtf8(state.reverse_path));
  for (const flow::RecipientState& recipient : state.recipients)
    *view.add_recipients() = ViewOf(recipient, state);
  view.set_content_octets(static_cast<std::int64_t>(state.octets));
  *view.mutable_receive_time() = wire::ToProto(state.received);
  const auto wake = flow::WakeTime(state);
  if (wake && *wake != Time{}) *view.mutable_next_attempt_time() = wire::ToProto(*wake);
  view.set_client_address(state.client.address);
  view.set_listener(state.client.listener);
  std::vector<std::string> forwarded;
  for (const auto& [name, value] : state.client.forwarded)
    forwarded.push_back(Cat(name, "=", mail::EncodeXtext(value)));
  view.set_forwarded(Join(forwarded, " "));
  view.set_report_options(Spoken(MailParameters(state.dsn)));
  if (state.summary.subject) view.set_subject(ToValidUtf8(*state.summary.subject));
  view.set_bounce(state.is_bounce);
  return view;
}

v1::Message ViewWhole(const ports::StoredMessage& message) {
  const MessageState& state = message.state;
  v1::Message view = ViewInList(state);
  AddBounces(message, view);
  const flow::FlowSettings unused;
  const flow::MessageMachine machine(state, unused, {});  // for EventOf alone
  for (Index i = 0; i < state.invocations.size(); ++i)
    *view.add_invocations() = ViewOf(i, machine, message.history);
  for (const HistoryEntry& entry : message.history) {
    if (entry.kind == HistoryKind::kAsyncQueued) {
      *view.add_invocations() = ViewOfAsync(entry, state, message.history);
    }
  }
  for (Index i = 0; i < state.deliveries.size(); ++i)
    *view.add_deliveries() = ViewOf(i, state, message.history);
  for (const HistoryEntry& entry : message.history) {
    *view.add_history() = api::ViewOf(entry, state);
    if (entry.kind == HistoryKind::kClosed) {
      *view.mutable_close_time() = wire::ToProto(entry.time);
    }
  }
  return view;
}

}  // namespace penstock::api
