// SPDX-License-Identifier: Apache-2.0
#include "tools/penstock/message_story.h"

#include <string_view>

#include "engine/base/strings.h"
#include "engine/base/time.h"
#include "engine/flow/answer.h"
#include "engine/wire/convert_hook_call.h"
#include "engine/wire/proto_time.h"

#include "tools/penstock/names.h"
#include "tools/penstock/output.h"
#include "tools/penstock/rule_text.h"

namespace penstock::cli {
namespace {

std::string TimeText(const google::protobuf::Timestamp& time) {
  return FormatRfc3339(wire::FromProto(time));
}

// "took 12ms"; nothing of an attempt that has not ended.
template <class Attempt>
std::string DurationOf(const Attempt& attempt) {
  if (!attempt.has_duration()) return "";
  return FormatDuration(
      std::chrono::duration_cast<Milliseconds>(wire::FromProto(attempt.duration())));
}

std::string SenderText(const v1::Message& message) {
  return message.reverse_path().empty() ? "<>" : message.reverse_path();
}

std::string DirectionText(v1::Event::FlowDirection direction) {
  return AsciiLower(v1::Event::FlowDirection_Name(direction));
}

template <class Addresses>
std::string AddressesText(const Addresses& addresses) {
  return Join({addresses.begin(), addresses.end()}, ", ");
}

// What decided, in words.
std::string SourceText(const v1::MessageRecipient& recipient) {
  switch (recipient.source()) {
    case v1::MessageRecipient::RULE:
      return "the rule's action";
    case v1::MessageRecipient::NO_RULE:
      return "no rule matched";
    case v1::MessageRecipient::ANSWER:
      return recipient.added() ? "added by the hook's answer" : "the hook's answer";
    case v1::MessageRecipient::FALLBACK:
      return "the rule's fallback";
    case v1::MessageRecipient::FOREIGN:
      return "not of this organization";
    case v1::MessageRecipient::ADMINISTRATOR:
      return "decided by an administrator";
    default:
      return "not decided yet";
  }
}

// What decided, and why that rule won. Where no rule did, the reason says it all.
std::string WhyText(const v1::MessageRecipient& recipient) {
  const std::string& reason = recipient.flow_rule_reason();
  if (reason.empty()) return SourceText(recipient);
  if (recipient.flow_rule().empty()) return reason;
  return Cat(SourceText(recipient), "; ", reason);
}

std::string StateText(const v1::MessageRecipient& recipient) {
  std::string state = TypedWord(v1::MessageRecipient::State_Name(recipient.state()));
  if (recipient.has_next_attempt_time()) {
    Append(state, ", next attempt ", TimeText(recipient.next_attempt_time()));
  }
  return state;
}

std::string Indented(std::string_view lines) {
  std::string text;
  for (const std::string_view line : Split(lines, '\n')) {
    if (!line.empty()) Append(text, "  ", line, "\n");
  }
  return text;
}

std::string Head(const v1::Message& message) {
  Sheet sheet;
  sheet.Add("Message", IdOf(message.name()));
  sheet.Add("Organization", Cat(message.organization(), ", ", DirectionText(message.direction())));
  sheet.Add("Sender", Cat(SenderText(message), message.bounce() ? " (a bounce of ours)" : ""));
  sheet.Add("Subject", message.has_subject() ? message.subject() : "");
  std::string received =
      Cat(TimeText(message.receive_time()), ", ", message.content_octets(), " octets");
  if (!message.client_address().empty()) Append(received, " from ", message.client_address());
  if (!message.listener().empty()) Append(received, " at listener ", message.listener());
  if (!message.forwarded().empty()) Append(received, ", handed on for ", message.forwarded());
  sheet.Add("Received", received);
  sheet.Add("Asked", message.report_options());
  std::string state = TypedWord(v1::Message::State_Name(message.state()));
  if (message.has_next_attempt_time()) {
    Append(state, ", next attempt ", TimeText(message.next_attempt_time()));
  }
  if (message.has_close_time()) Append(state, " at ", TimeText(message.close_time()));
  sheet.Add("State", state);
  return sheet.ToText();
}

std::string Recipients(const v1::Message& message) {
  Table table({"RECIPIENT", "OUTCOME", "STATE", "RULE", "WHY"});
  for (const v1::MessageRecipient& recipient : message.recipients()) {
    std::string why = WhyText(recipient);
    if (!recipient.last_reply().empty()) Append(why, "; next hop: ", recipient.last_reply());
    if (!recipient.report_options().empty()) Append(why, "; asked: ", recipient.report_options());
    if (!recipient.bounce().empty()) Append(why, "; sender told by ", IdOf(recipient.bounce()));
    table.Add({recipient.address(),
               recipient.has_verdict() ? VerdictText(recipient.verdict()) : "-",
               StateText(recipient), IdOf(recipient.flow_rule()), why});
  }
  return table.ToText("no recipients");
}

std::string StateText(const v1::Invocation& invocation) {
  switch (invocation.state()) {
    case v1::Invocation::RUNNING:
      return "an attempt runs or is about to";
    case v1::Invocation::WAITING:
      return Cat("waits for its next attempt at ", TimeText(invocation.next_attempt_time()));
    case v1::Invocation::ANSWERED:
      return "answered";
    case v1::Invocation::FALLBACK:
      return "no valid answer in time: the fallback applied";
    case v1::Invocation::DEAD_LETTER:
      return "every attempt failed: among the dead letters";
    case v1::Invocation::CANCELLED:
      return "ended by an administrator";
    default:
      return "";
  }
}

std::string OneInvocation(const v1::Invocation& invocation) {
  std::string text =
      Cat("Hook ", TerminalText(invocation.hook()), " by rule ", IdOf(invocation.flow_rule()), " (",
          v1::InvokeRequest::Mode_Name(invocation.mode()), "): ", StateText(invocation), "\n");
  Sheet sheet;
  sheet.Add("Invocation", invocation.invocation_id());
  sheet.Add("Recipients", AddressesText(invocation.recipients()));
  if (invocation.has_deadline()) {
    sheet.Add("Rule timeout", Cat("no attempt starts after ", TimeText(invocation.deadline())));
  }
  if (invocation.has_event()) sheet.Add("Event", CompactJson(invocation.event()));
  if (invocation.has_answer()) {
    const auto answer = wire::ToAnswer(invocation.answer());
    std::string json;
    if (answer.ok()) flow::AppendJson(json, *answer);
    sheet.Add("Answer", json);
  }
  for (const std::string& warning : invocation.warnings())
    sheet.Add("Warning", warning);
  Table attempts({"ATTEMPT", "STARTED", "TOOK", "RESULT", "ERROR"});
  for (const v1::InvocationAttempt& attempt : invocation.attempts()) {
    attempts.Add({Cat(attempt.number()), TimeText(attempt.start_time()), DurationOf(attempt),
                  attempt.code(), attempt.error()});
  }
  return Cat(text, Indented(sheet.ToText()), Indented(attempts.ToText("no attempt has ended yet")));
}

std::string StateText(const v1::Delivery& delivery) {
  if (delivery.state() == v1::Delivery::CLOSED) return "done";
  if (!delivery.has_next_attempt_time()) return "an attempt runs or is about to";
  return Cat("waits for its next attempt at ", TimeText(delivery.next_attempt_time()));
}

// Why a delivery waits: what its last attempt was told.
std::string WhyWaits(const v1::Delivery& delivery) {
  if (!delivery.has_next_attempt_time()) return "";
  for (int i = delivery.attempts_size() - 1; i >= 0; --i) {
    const v1::DeliveryAttempt& attempt = delivery.attempts(i);
    if (attempt.code() == "deferred") return attempt.reply();
  }
  return "";
}

std::string OneDelivery(const v1::Delivery& delivery) {
  std::string text =
      Cat("Delivery ", delivery.number(), " to next hop ", TerminalText(delivery.next_hop()), " (",
          v1::Verdict::Action_Name(delivery.action()), "): ", StateText(delivery), "\n");
  Sheet sheet;
  sheet.Add("Recipients", AddressesText(delivery.recipients()));
  sheet.Add("Waits because", WhyWaits(delivery));
  if (delivery.state() != v1::Delivery::CLOSED && delivery.has_expire_time()) {
    sheet.Add("Gives up at", TimeText(delivery.expire_time()));
  }
  Table attempts({"ATTEMPT", "STARTED", "TOOK", "RESULT", "REPLY", "RECIPIENTS"});
  for (const v1::DeliveryAttempt& attempt : delivery.attempts()) {
    attempts.Add({Cat(attempt.number()), TimeText(attempt.start_time()), DurationOf(attempt),
                  attempt.code(), attempt.reply(), AddressesText(attempt.recipients())});
  }
  return Cat(text, Indented(sheet.ToText()), Indented(attempts.ToText("no attempt has ended yet")));
}

std::string History(const v1::Message& message) {
  Table table({"TIME", "STEP", "WHAT"});
  for (const v1::HistoryEntry& entry : message.history())
    table.Add({TimeText(entry.time()), TypedWord(entry.kind()), entry.text()});
  return table.ToText("no history");
}

}  // namespace

std::string MessageTable(const v1::ListMessagesResponse& messages) {
  Table table({"ID", "RECEIVED", "DIRECTION", "SENDER", "RECIPIENTS", "STATE", "NEXT ATTEMPT"});
  for (const v1::Message& message : messages.messages()) {
    std::string recipients = message.recipients().empty() ? "" : message.recipients(0).address();
    if (message.recipients_size() > 1) {
      Append(recipients, " and ", message.recipients_size() - 1, " more");
    }
    table.Add({IdOf(message.name()), TimeText(message.receive_time()),
               DirectionText(message.direction()), SenderText(message), recipients,
               TypedWord(v1::Message::State_Name(message.state())),
               message.has_next_attempt_time() ? TimeText(message.next_attempt_time()) : ""});
  }
  std::string text = table.ToText("no messages");
  if (!messages.next_page_token().empty()) {
    Append(text, "there are more: --page-token ", messages.next_page_token(), "\n");
  }
  return text;
}

std::string MessageStory(const v1::Message& message) {
  std::string text = Cat(Head(message), "\n", Recipients(message));
  for (const v1::Invocation& invocation : message.invocations())
    Append(text, "\n", OneInvocation(invocation));
  for (const v1::Delivery& delivery : message.deliveries())
    Append(text, "\n", OneDelivery(delivery));
  Append(text, "\n", History(message));
  return text;
}

}  // namespace penstock::cli
