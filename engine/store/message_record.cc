// SPDX-License-Identifier: Apache-2.0
// Records of mail: messages, their history, async events.
#include <utility>

#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/store/record.h"
#include "engine/store/record_parts.h"

namespace penstock::store {
namespace {

std::optional<Time> ToTime(bool has, std::int64_t millis) {
  if (!has) return std::nullopt;
  return FromUnixMillis(millis);
}

void ToStored(const mail::RecipientDsn& dsn, v1::RecipientDsn& out) {
  out.set_notify_given(dsn.notify_given);
  out.set_success(dsn.success);
  out.set_failure(dsn.failure);
  out.set_delay(dsn.delay);
  out.set_original_recipient(dsn.original_recipient);
}

mail::RecipientDsn FromStored(const v1::RecipientDsn& stored) {
  mail::RecipientDsn out;
  out.notify_given = stored.notify_given();
  out.success = stored.success();
  out.failure = stored.failure();
  out.delay = stored.delay();
  out.original_recipient = stored.original_recipient();
  return out;
}

void ToStored(const mail::MessageDsn& dsn, v1::MessageDsn& out) {
  using Return = v1::MessageDsn;
  out.set_ret(dsn.ret == mail::DsnReturn::kFull      ? Return::FULL
              : dsn.ret == mail::DsnReturn::kHeaders ? Return::HEADERS
                                                     : Return::UNSET);
  out.set_envelope_id(dsn.envelope_id);
}

mail::MessageDsn FromStored(const v1::MessageDsn& stored) {
  mail::MessageDsn out;
  if (stored.ret() == v1::MessageDsn::FULL) out.ret = mail::DsnReturn::kFull;
  if (stored.ret() == v1::MessageDsn::HEADERS) out.ret = mail::DsnReturn::kHeaders;
  out.envelope_id = stored.envelope_id();
  return out;
}

void ToStored(const flow::RecipientState& recipient, v1::Recipient& out) {
  out.set_forward_path(recipient.forward_path);
  out.set_rule(recipient.rule);
  out.set_added(recipient.added);
  out.set_foreign(recipient.foreign);
  if (recipient.invocation != flow::kNoIndex) out.set_invocation(recipient.invocation);
  out.set_rule_reason(recipient.rule_reason);
  if (recipient.outcome) StoreVerdict(*recipient.outcome, *out.mutable_outcome());
  out.set_decided_by(StoredWord(kDeciders, recipient.decided_by));
  if (recipient.delivery != flow::kNoIndex) out.set_delivery(recipient.delivery);
  out.set_progress(StoredWord(kProgresses, recipient.progress));
  out.set_last_reply(recipient.last_reply);
  if (recipient.dsn != mail::RecipientDsn()) ToStored(recipient.dsn, *out.mutable_dsn());
}

Status FromStored(const v1::Recipient& stored, flow::RecipientState& out) {
  out.forward_path = stored.forward_path();
  out.rule = stored.rule();
  out.added = stored.added();
  out.foreign = stored.foreign();
  if (stored.has_invocation()) out.invocation = stored.invocation();
  out.rule_reason = stored.rule_reason();
  if (stored.has_outcome() && !ReadVerdict(stored.outcome(), out.outcome.emplace())) {
    return UnknownValue("outcome");
  }
  if (!ReadWord(kDeciders, stored.decided_by(), out.decided_by)) return UnknownValue("decided_by");
  if (stored.has_delivery()) out.delivery = stored.delivery();
  if (!ReadWord(kProgresses, stored.progress(), out.progress)) return UnknownValue("progress");
  out.last_reply = stored.last_reply();
  if (stored.has_dsn()) out.dsn = FromStored(stored.dsn());
  return OkStatus();
}

void ToStored(const flow::InvocationState& invocation, v1::Invocation& out) {
  out.set_id(invocation.id.text());
  out.set_rule(invocation.rule);
  out.set_hook(invocation.hook);
  StoreVerdict(invocation.fallback, *out.mutable_fallback());
  out.set_rule_timeout_minutes(invocation.rule_timeout.count());
  out.set_attempts_ended(invocation.attempts_ended);
  if (invocation.deadline) out.set_deadline(ToUnixMillis(*invocation.deadline));
  if (invocation.next_attempt) out.set_next_attempt(ToUnixMillis(*invocation.next_attempt));
  out.set_decided(invocation.decided);
  out.set_fell_back(invocation.fell_back);
  if (!invocation.replaced) return;
  v1::ReplacedContent& replaced = *out.mutable_replaced();
  replaced.set_id(invocation.replaced->id.text());
  replaced.set_octets(invocation.replaced->octets);
  replaced.set_smtputf8(invocation.replaced->smtputf8);
  replaced.set_body_8bit(invocation.replaced->body_8bit);
}

Status FromStored(const v1::Invocation& stored, flow::InvocationState& out) {
  out.id = InvocationId(stored.id());
  out.rule = stored.rule();
  out.hook = stored.hook();
  if (!ReadVerdict(stored.fallback(), out.fallback)) return UnknownValue("fallback");
  out.rule_timeout = std::chrono::minutes(stored.rule_timeout_minutes());
  out.attempts_ended = stored.attempts_ended();
  out.deadline = ToTime(stored.has_deadline(), stored.deadline());
  out.next_attempt = ToTime(stored.has_next_attempt(), stored.next_attempt());
  out.decided = stored.decided();
  out.fell_back = stored.fell_back();
  if (stored.has_replaced()) {
    const v1::ReplacedContent& replaced = stored.replaced();
    out.replaced = {ContentId(replaced.id()), replaced.octets(), replaced.smtputf8(),
                    replaced.body_8bit()};
  }
  return OkStatus();
}

void ToStored(const flow::DeliveryState& delivery, v1::Delivery& out) {
  out.set_next_hop(delivery.next_hop);
  out.set_marking(StoredWord(kMarkings, delivery.marking));
  if (delivery.content_of != flow::kNoIndex) out.set_content_of(delivery.content_of);
  out.set_attempts_ended(delivery.attempts_ended);
  if (delivery.next_attempt) out.set_next_attempt(ToUnixMillis(*delivery.next_attempt));
  out.set_expiry(ToUnixMillis(delivery.expiry));
  out.set_last_error(delivery.last_error);
  out.set_done(delivery.done);
}

Status FromStored(const v1::Delivery& stored, flow::DeliveryState& out) {
  out.next_hop = stored.next_hop();
  if (!ReadWord(kMarkings, stored.marking(), out.marking)) return UnknownValue("marking");
  if (stored.has_content_of()) out.content_of = stored.content_of();
  out.attempts_ended = stored.attempts_ended();
  out.next_attempt = ToTime(stored.has_next_attempt(), stored.next_attempt());
  out.expiry = FromUnixMillis(stored.expiry());
  out.last_error = stored.last_error();
  out.done = stored.done();
  return OkStatus();
}

void ToStored(const flow::MessageSummary& summary, v1::Summary& out) {
  out.set_mail_from(summary.mail_from);
  if (summary.sender) out.set_sender(*summary.sender);
  if (summary.subject) out.set_subject(*summary.subject);
}

flow::MessageSummary FromStored(const v1::Summary& stored) {
  flow::MessageSummary out;
  out.mail_from = stored.mail_from();
  if (stored.has_sender()) out.sender = stored.sender();
  if (stored.has_subject()) out.subject = stored.subject();
  return out;
}

void ToStored(const mail::ClientInfo& client, v1::Client& out) {
  out.set_address(client.address);
  out.set_helo(client.helo);
  out.set_with(client.with);
  out.set_login(client.login);
  out.set_listener(client.listener);
  out.set_trusted(client.trusted);
  for (const auto& [name, value] : client.forwarded) {
    v1::Label& attribute = *out.add_forwarded();
    attribute.set_name(name);
    attribute.set_value(value);
  }
}

mail::ClientInfo FromStored(const v1::Client& stored) {
  mail::ClientInfo out;
  out.address = stored.address();
  out.helo = stored.helo();
  out.with = stored.with();
  out.login = stored.login();
  out.listener = stored.listener();
  out.trusted = stored.trusted();
  for (const v1::Label& attribute : stored.forwarded())
    out.forwarded.emplace_back(attribute.name(), attribute.value());
  return out;
}

// Every index points at an element, as the machine relies on.
Status CheckIndexes(const flow::MessageState& state) {
  for (const flow::RecipientState& recipient : state.recipients) {
    if (recipient.invocation != flow::kNoIndex &&
        recipient.invocation >= state.invocations.size()) {
      return DataLoss(Cat("record: recipient of invocation ", recipient.invocation, " of ",
                          state.invocations.size()));
    }
    if (recipient.delivery != flow::kNoIndex && recipient.delivery >= state.deliveries.size()) {
      return DataLoss(Cat("record: recipient of delivery ", recipient.delivery, " of ",
                          state.deliveries.size()));
    }
  }
  for (const flow::DeliveryState& delivery : state.deliveries) {
    if (delivery.content_of == flow::kNoIndex) continue;
    if (delivery.content_of >= state.invocations.size() ||
        !state.invocations[delivery.content_of].replaced) {
      return DataLoss(Cat("record: delivery of what invocation ", delivery.content_of,
                          " replaced the content by, which it has not"));
    }
  }
  return OkStatus();
}

void ToStored(const flow::HistoryEntry& entry, v1::HistoryEntry& out) {
  out.set_time(ToUnixMillis(entry.time));
  out.set_kind(StoredWord(kHistoryKinds, entry.kind));
  for (const std::string& recipient : entry.recipients)
    out.add_recipients(recipient);
  out.set_rule(entry.rule);
  out.set_hook(entry.hook);
  out.set_next_hop(entry.next_hop);
  out.set_action(entry.action);
  out.set_attempt(entry.attempt);
  out.set_duration(entry.duration.count());
  out.set_code(entry.code);
  out.set_detail(entry.detail);
  out.set_answer_json(entry.answer_json);
}

Status FromStored(const v1::HistoryEntry& stored, flow::HistoryEntry& out) {
  out.time = FromUnixMillis(stored.time());
  if (!ReadWord(kHistoryKinds, stored.kind(), out.kind)) return UnknownValue("history kind");
  out.recipients.assign(stored.recipients().begin(), stored.recipients().end());
  out.rule = stored.rule();
  out.hook = stored.hook();
  out.next_hop = stored.next_hop();
  out.action = stored.action();
  out.attempt = stored.attempt();
  out.duration = Milliseconds(stored.duration());
  out.code = stored.code();
  out.detail = stored.detail();
  out.answer_json = stored.answer_json();
  return OkStatus();
}

}  // namespace

std::string EncodeMessage(const flow::MessageState& state) {
  v1::Message out;
  out.set_id(state.id.text());
  out.set_organization(state.organization);
  out.set_direction(StoredWord(kDirections, state.direction));
  ToStored(state.client, *out.mutable_client());
  out.set_reverse_path(state.reverse_path);
  out.set_smtputf8(state.smtputf8);
  out.set_body_8bit(state.body_8bit);
  if (state.dsn != mail::MessageDsn()) ToStored(state.dsn, *out.mutable_dsn());
  out.set_content(state.content.text());
  out.set_octets(state.octets);
  out.set_received(ToUnixMillis(state.received));
  out.set_msg_id(state.msg_id);
  ToStored(state.summary, *out.mutable_summary());
  out.set_may_bounce(state.may_bounce);
  out.set_is_bounce(state.is_bounce);
  out.set_retained(state.retained);
  for (const auto& recipient : state.recipients)
    ToStored(recipient, *out.add_recipients());
  for (const auto& invocation : state.invocations)
    ToStored(invocation, *out.add_invocations());
  for (const auto& delivery : state.deliveries)
    ToStored(delivery, *out.add_deliveries());
  return out.SerializeAsString();
}

StatusOr<flow::MessageState> DecodeMessage(std::string_view record) {
  PENSTOCK_ASSIGN_OR_RETURN(const v1::Message stored, ParseStored<v1::Message>(record));
  flow::MessageState state;
  state.id = MessageId(stored.id());
  state.organization = stored.organization();
  if (!ReadWord(kDirections, stored.direction(), state.direction)) return UnknownValue("direction");
  state.client = FromStored(stored.client());
  state.reverse_path = stored.reverse_path();
  state.smtputf8 = stored.smtputf8();
  state.body_8bit = stored.body_8bit();
  if (stored.has_dsn()) state.dsn = FromStored(stored.dsn());
  state.content = ContentId(stored.content());
  state.octets = stored.octets();
  state.received = FromUnixMillis(stored.received());
  state.msg_id = stored.msg_id();
  state.summary = FromStored(stored.summary());
  state.may_bounce = stored.may_bounce();
  state.is_bounce = stored.is_bounce();
  state.retained = stored.retained();
  for (const v1::Recipient& recipient : stored.recipients()) {
    PENSTOCK_RETURN_IF_ERROR(FromStored(recipient, state.recipients.emplace_back()));
  }
  for (const v1::Invocation& invocation : stored.invocations()) {
    PENSTOCK_RETURN_IF_ERROR(FromStored(invocation, state.invocations.emplace_back()));
  }
  for (const v1::Delivery& delivery : stored.deliveries()) {
    PENSTOCK_RETURN_IF_ERROR(FromStored(delivery, state.deliveries.emplace_back()));
  }
  PENSTOCK_RETURN_IF_ERROR(CheckIndexes(state));
  return state;
}

std::string EncodeHistory(const std::vector<flow::HistoryEntry>& entries) {
  v1::History out;
  for (const flow::HistoryEntry& entry : entries)
    ToStored(entry, *out.add_entries());
  return out.SerializeAsString();
}

StatusOr<std::vector<flow::HistoryEntry>> DecodeHistory(std::string_view record) {
  PENSTOCK_ASSIGN_OR_RETURN(const v1::History stored, ParseStored<v1::History>(record));
  std::vector<flow::HistoryEntry> entries;
  for (const v1::HistoryEntry& entry : stored.entries()) {
    PENSTOCK_RETURN_IF_ERROR(FromStored(entry, entries.emplace_back()));
  }
  return entries;
}

std::string EncodeAsyncEvent(const ports::AsyncEvent& event) {
  v1::AsyncEvent out;
  out.set_hook(event.hook);
  out.set_organization(event.organization);
  out.set_rule(event.rule);
  out.set_mail_from(event.event.mail_from);
  for (const std::string& recipient : event.event.recipients)
    out.add_recipients(recipient);
  if (event.event.sender) out.set_sender(*event.event.sender);
  if (event.event.subject) out.set_subject(*event.event.subject);
  out.set_message_id(event.event.message_id.text());
  out.set_invocation_id(event.event.invocation_id.text());
  out.set_direction(StoredWord(kDirections, event.event.direction));
  out.set_truncated(event.event.truncated);
  out.set_attempts_ended(event.attempts_ended);
  out.set_next_attempt(ToUnixMillis(event.next_attempt));
  out.set_dead(event.dead);
  out.set_last_error(event.last_error);
  return out.SerializeAsString();
}

StatusOr<ports::AsyncEvent> DecodeAsyncEvent(std::int64_t id, std::string_view record) {
  PENSTOCK_ASSIGN_OR_RETURN(const v1::AsyncEvent stored, ParseStored<v1::AsyncEvent>(record));
  ports::AsyncEvent event;
  event.id = id;
  event.hook = stored.hook();
  event.organization = stored.organization();
  event.rule = stored.rule();
  event.event.mail_from = stored.mail_from();
  event.event.recipients.assign(stored.recipients().begin(), stored.recipients().end());
  if (stored.has_sender()) event.event.sender = stored.sender();
  if (stored.has_subject()) event.event.subject = stored.subject();
  event.event.message_id = MessageId(stored.message_id());
  event.event.invocation_id = InvocationId(stored.invocation_id());
  if (!ReadWord(kDirections, stored.direction(), event.event.direction)) {
    return UnknownValue("direction");
  }
  event.event.truncated = stored.truncated();
  event.attempts_ended = stored.attempts_ended();
  event.next_attempt = FromUnixMillis(stored.next_attempt());
  event.dead = stored.dead();
  event.last_error = stored.last_error();
  return event;
}

}  // namespace penstock::store
