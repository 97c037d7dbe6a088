// SPDX-License-Identifier: Apache-2.0
// Messages and events as tests of stores and of what works on stores need them.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "engine/ports/store.h"

namespace penstock::tests {

inline Time At(std::int64_t seconds) {
  return Time(std::chrono::seconds(1'700'000'000 + seconds));
}

// A message with one recipient whose work is due at once (MessagePhase::kActive).
inline flow::MessageState ActiveMessage(std::string id, ContentId content) {
  flow::MessageState state;
  state.id = MessageId(std::move(id));
  state.organization = "default";
  state.reverse_path = "alice@example.com";
  state.content = std::move(content);
  state.received = At(0);
  flow::InvocationState invocation;
  invocation.id = InvocationId("0123456789abcdef0123456789abcdef");
  invocation.rule = "screen";
  invocation.hook = "screener";
  state.invocations.push_back(std::move(invocation));
  flow::RecipientState recipient;
  recipient.forward_path = "bob@example.org";
  recipient.rule = "screen";
  recipient.invocation = 0;
  state.recipients.push_back(std::move(recipient));
  return state;
}

// The same, its hook to be called again at `time` (MessagePhase::kWaiting).
inline flow::MessageState Waiting(flow::MessageState state, Time time) {
  state.invocations[0].attempts_ended = 1;
  state.invocations[0].next_attempt = time;
  state.invocations[0].deadline = time + std::chrono::minutes(10);
  return state;
}

// The same, its outcome final: dropped (MessagePhase::kClosed).
inline flow::MessageState Closed(flow::MessageState state) {
  state.invocations[0].next_attempt.reset();
  state.invocations[0].decided = true;
  rules::Verdict drop;
  drop.action = rules::Action::kDrop;
  state.recipients[0].outcome = std::move(drop);
  state.recipients[0].decided_by = flow::DecidedBy::kNamed;
  return state;
}

inline flow::HistoryEntry Line(flow::HistoryKind kind, std::string_view detail, Time time = At(0)) {
  flow::HistoryEntry entry;
  entry.time = time;
  entry.kind = kind;
  entry.detail = detail;
  return entry;
}

inline ports::AsyncEvent EventFor(std::string hook, std::string_view message, Time next_attempt) {
  ports::AsyncEvent event;
  event.hook = std::move(hook);
  event.organization = "default";
  event.rule = "copy";
  event.event.mail_from = "alice@example.com";
  event.event.recipients = {"bob@example.org"};
  event.event.message_id = MessageId(std::string(message));
  event.event.invocation_id = InvocationId("fedcba9876543210fedcba9876543210");
  event.next_attempt = next_attempt;
  return event;
}

// Each field set to something that is not its default, text that is no UTF-8 included.
inline flow::MessageState EveryField() {
  flow::MessageState state;
  state.id = MessageId("4f3c1a52-0000-4000-8000-0123456789ab");
  state.organization = "acme";
  state.direction = rules::FlowDirection::kOutbound;
  state.client = {"192.0.2.1", "mx.example.com",   "ESMTPS", "alice", "smtp",
                  true,        {{"NAME", "a\xff"}}};
  state.reverse_path = "alice\xff@example.com";
  state.smtputf8 = true;
  state.body_8bit = true;
  state.dsn = {mail::DsnReturn::kHeaders, "QQ+31"};
  state.octets = 7;
  state.received = At(-1);
  state.msg_id = "<1@example.com>";
  state.summary = {"alice@example.com", "assistant@example.com", ""};
  state.may_bounce = false;
  state.is_bounce = true;
  state.retained = true;
  flow::InvocationState invocation;
  invocation.id = InvocationId("0123456789abcdef0123456789abcdef");
  invocation.rule = "screen";
  invocation.hook = "screener";
  invocation.fallback = {rules::Action::kBounce, "", "try later"};
  invocation.rule_timeout = std::chrono::minutes(240);
  invocation.attempts_ended = 3;
  invocation.deadline = At(14'400);
  invocation.next_attempt = At(60);
  state.invocations.push_back(invocation);
  invocation.deadline = Time{};  // on record, if odd
  invocation.next_attempt.reset();
  invocation.decided = true;
  invocation.fell_back = true;
  invocation.replaced = {ContentId("0000000000000abc"), 11, true, true};
  state.invocations.push_back(invocation);
  flow::DeliveryState delivery;
  delivery.next_hop = "spam-filter";
  delivery.marking = flow::Marking::kBypassSpamCheck;
  delivery.attempts_ended = 2;
  delivery.next_attempt = At(120);
  delivery.expiry = At(432'000);
  delivery.last_error = "451 4.3.0 later";
  state.deliveries.push_back(delivery);
  delivery.done = true;
  delivery.content_of = 1;
  delivery.next_attempt.reset();
  state.deliveries.push_back(delivery);
  flow::RecipientState recipient;
  recipient.forward_path = "bob@example.org";
  recipient.rule = "screen";
  recipient.foreign = true;
  recipient.invocation = 1;
  recipient.rule_reason = "sender * by From, recipient *";
  recipient.outcome = rules::Verdict{rules::Action::kRouteToGateway, "gate", ""};
  recipient.decided_by = flow::DecidedBy::kAnswerFallback;
  recipient.delivery = 1;
  recipient.progress = flow::DeliveryProgress::kDelivered;
  recipient.last_reply = "250 2.0.0 \xc3\xa9";
  recipient.dsn = {true, true, false, true, "rfc822;bob"};
  state.recipients.push_back(recipient);
  recipient.added = true;
  recipient.invocation = flow::kNoIndex;
  recipient.delivery = flow::kNoIndex;
  recipient.outcome.reset();
  recipient.progress = flow::DeliveryProgress::kFailed;
  state.recipients.push_back(recipient);
  return state;
}

inline flow::HistoryEntry EveryHistoryField() {
  flow::HistoryEntry entry;
  entry.time = At(5);
  entry.kind = flow::HistoryKind::kHookAttempt;
  entry.recipients = {"bob@example.org", "carol@example.org"};
  entry.rule = "screen";
  entry.hook = "screener";
  entry.next_hop = "mailbox";
  entry.action = "BOUNCE";
  entry.attempt = 2;
  entry.duration = Milliseconds(1234);
  entry.code = "OK";
  entry.detail = "a detail \xff";
  entry.answer_json = R"({"actions":[]})";
  return entry;
}

inline ports::AsyncEvent EveryEventField() {
  ports::AsyncEvent event = EventFor("copier", "4f3c1a52-0000-4000-8000-0123456789ab", At(77));
  event.event.recipients = {"bob@example.org", "carol@example.org"};
  event.event.sender = "assistant@example.com";
  event.event.subject = "";
  event.event.direction = rules::FlowDirection::kOutbound;
  event.event.truncated = true;
  event.attempts_ended = 1;
  event.last_error = "connection refused";
  return event;
}

inline flow::Hook EveryHookField() {
  flow::Hook hook;
  hook.name = "screener";
  hook.target = "dns:///hooks.example.com:50051";
  hook.json = true;
  hook.stream = true;
  hook.sync_deadline = std::chrono::milliseconds(4321);
  hook.async_deadline = std::chrono::milliseconds(61'001);
  hook.max_concurrent_calls = 3;
  hook.async_queue_max = 4;
  hook.dead_letters_max = 5;
  hook.async_retries = 6;
  hook.labels = {{"team", "mail"}, {"stage", ""}};
  hook.description = "a description";
  hook.plain_text_allowed = true;
  hook.tls = flow::HookTls{"ca.pem", "cert.pem", "key.pem", "hooks.example.com"};
  hook.permissions = {{"acme-1", "acme", false, true, true, false, false},
                      {"default-1", "default", true, false, false, true, true}};
  return hook;
}

inline rules::FlowRule EveryRuleField() {
  rules::FlowRule rule;
  rule.organization = "acme";
  rule.direction = rules::FlowDirection::kInbound;
  rule.name = "screen";
  rule.sender_patterns = {"example.com", "*.example.net"};
  rule.recipient_patterns = {"*"};
  rule.verdict = {rules::Action::kRouteToGateway, "gate", "text"};
  rules::HookInvocation run_hook;
  run_hook.hook = "screener";
  run_hook.mode = rules::InvocationMode::kAsync;
  run_hook.fallback = {rules::Action::kMoveToJunk, "", ""};
  run_hook.rule_timeout = std::chrono::minutes(7);
  rule.run_hook = run_hook;
  rule.description = "a description";
  return rule;
}

// Reads all of `reader`, `chunk` octets at a time; throws std::runtime_error on an error.
inline std::string ReadAll(const ports::ContentReader& reader, std::size_t chunk = 10'000) {
  std::string all;
  std::string buffer(chunk, '\0');
  for (;;) {
    const StatusOr<std::size_t> read = reader.Read(all.size(), buffer);
    if (!read.ok()) throw std::runtime_error(std::string(Message(read.status())));
    if (*read == 0) return all;
    all.append(buffer, 0, *read);
  }
}

// `octets` octets that repeat nowhere nearby; others for another `seed`.
inline std::string Octets(std::size_t octets, std::uint64_t seed = 1) {
  std::string text(octets, '\0');
  std::uint64_t state = seed * 0x9e3779b97f4a7c15U + 1;
  for (char& octet : text) {
    state ^= state << 13U;
    state ^= state >> 7U;
    state ^= state << 17U;
    octet = static_cast<char>(state & 0xffU);
  }
  return text;
}

}  // namespace penstock::tests
