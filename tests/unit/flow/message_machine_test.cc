// SPDX-License-Identifier: Apache-2.0
// tests/data/flow/message_machine.json: a message's plan, then what happens to it step by step;
// `want` has one line for everything that each step gives. Times are milliseconds after acceptance.
#include "engine/flow/message_machine.h"

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "tests/support/vectors.h"

namespace penstock::flow {
namespace {

using tests::Json;

std::vector<std::string> Strings(const Json& list) {
  std::vector<std::string> strings;
  for (const auto& one : list)
    strings.push_back(one);
  return strings;
}

rules::Verdict ToVerdict(const std::string& word) {
  const auto action = rules::ParseAction(word);
  if (!action) throw std::runtime_error("no action: " + word);
  rules::Verdict verdict;
  verdict.action = *action;
  if (*action == rules::Action::kRouteToGateway) verdict.gateway = "gateway";
  return verdict;
}

MessageState ToState(const Json& input) {
  MessageState state;
  state.id = MessageId("01234567-89ab-4def-8123-456789abcdef");
  state.organization = "default";
  state.direction = input.value("direction", "INBOUND") == "INBOUND"
                        ? rules::FlowDirection::kInbound
                        : rules::FlowDirection::kOutbound;
  state.reverse_path = "sender@a.example";
  state.may_bounce = input.value("may_bounce", true);
  for (const auto& one : input.at("recipients")) {
    RecipientState recipient;
    recipient.forward_path = one.at("address");
    recipient.foreign = one.value("foreign", false);
    if (one.contains("notify")) {
      std::string fault;
      mail::ReadRcptDsn("NOTIFY", one.at("notify").get<std::string>(), recipient.dsn, fault);
    }
    if (one.contains("outcome")) {
      recipient.outcome = ToVerdict(one.at("outcome"));
    } else {
      recipient.invocation = 0;
    }
    state.recipients.push_back(recipient);
  }
  if (input.contains("fallback")) {
    InvocationState invocation;
    invocation.id = InvocationId("00000000000000000000000000000001");
    invocation.rule = "rule";
    invocation.hook = "hook";
    invocation.fallback = ToVerdict(input.at("fallback"));
    invocation.rule_timeout = std::chrono::minutes(input.value("timeout_minutes", 0));
    state.invocations.push_back(invocation);
  }
  return state;
}

Answer ToAnswer(const Json& actions) {
  Answer answer;
  for (const auto& one : actions) {
    AnswerEntry entry;
    entry.type = one.at("type");
    if (one.contains("message")) entry.bounce_message = one.at("message").get<std::string>();
    if (one.contains("recipients")) {
      entry.has_recipients = true;
      entry.recipients = Strings(one.at("recipients"));
    }
    entry.all_recipients = one.value("all", false);
    answer.actions.push_back(entry);
  }
  return answer;
}

class Driver {
 public:
  explicit Driver(const Json& input) { machine_.emplace(ToState(input), settings_, Owns); }

  void Do(const Json& step) {
    const Time now = FromUnixMillis(step.value("at", 0));
    const double chance = step.value("chance", 0.5);
    const std::string what = step.at("do");
    if (what == "begin") {
      Note(machine_->Begin(now));
    } else if (what == "resume") {
      Note(machine_->Resume(now));
    } else if (what == "restart") {
      const MessageState recorded = machine_->state();
      machine_.emplace(recorded, settings_, Owns);
      Note(machine_->Resume(now));
    } else if (what == "answer") {
      Note(machine_->OnHookEnded(Call(step), ToAnswer(step.at("actions")), Started(step), now,
                                 chance, Staged(step)));
    } else if (what == "fail") {
      Note(machine_->OnHookEnded(Call(step), Unavailable("connection refused"), Started(step), now,
                                 chance));
    } else if (what == "replies") {
      std::vector<mail::SmtpReply> replies;
      for (const auto& code : step.at("codes")) {
        const int number = code;
        replies.push_back({number, {number / 100, 0, 0}, "text"});
        const std::string hand_over = step.value("hand_over", "relayed");
        if (hand_over == "promised") replies.back().hand_over = mail::HandOver::kPromised;
        if (hand_over == "delivered") replies.back().hand_over = mail::HandOver::kDelivered;
      }
      const StartDelivery start{step.value("delivery", 0U), step.value("attempt", 1U)};
      Note(machine_->OnDeliveryEnded(start, replies, now, now, chance));
    } else if (what == "retry" || what == "cancel") {
      Intervene(step, now);
    } else {
      throw std::runtime_error("no such step: " + what);
    }
    if (const auto wake = WakeTime(machine_->state()); wake && *wake > Time{}) {
      lines_.push_back(Cat("wake ", ToUnixMillis(*wake)));
    }
  }

  [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }

 private:
  void Intervene(const Json& step, Time now) {
    Intervention intervention;
    intervention.who = "admin";
    if (step.at("do") == "cancel") {
      intervention.kind = Intervention::Kind::kCancel;
      intervention.verdict = ToVerdict(step.at("as"));
      intervention.verdict.bounce_message = step.value("message", "");
    }
    const auto effects = machine_->Intervene(intervention, now);
    if (effects.ok()) {
      Note(*effects);
    } else {
      lines_.push_back(Cat("refused: ", Message(effects.status())));
    }
  }

  static bool Owns(std::string_view domain) { return domain == "org.example"; }

  static StartCall Call(const Json& step) { return {0, step.value("attempt", 1U)}; }

  // Of an answer's step: the octets of what was put during the attempt.
  static std::optional<ReplacedContent> Staged(const Json& step) {
    if (!step.contains("staged")) return std::nullopt;
    ReplacedContent staged;
    staged.id = ContentId("staged");
    staged.octets = step.at("staged");
    return staged;
  }

  [[nodiscard]] std::string ContentOf(const DeliveryState& delivery) const {
    if (delivery.content_of == kNoIndex) return "";
    const InvocationState& invocation = machine_->state().invocations[delivery.content_of];
    return Cat(" with ", invocation.replaced->octets, " octets of its own");
  }

  static Time Started(const Json& step) { return FromUnixMillis(step.value("started", 0)); }

  void Note(const Effects& effects) {
    if (effects.record) lines_.emplace_back("record");
    for (const HistoryEntry& entry : effects.history) {
      std::string line(Name(entry.kind));
      for (const std::string& part :
           {entry.action, entry.code, entry.next_hop, Join(entry.recipients, ","),
            entry.code == "OK" ? entry.detail : ""}) {
        if (!part.empty()) Append(line, " ", part);
      }
      lines_.push_back(line);
    }
    for (const BouncedRecipient& bounced : effects.bounces) {
      lines_.push_back(Cat("bounce ", machine_->state().recipients[bounced.recipient].forward_path,
                           " ", bounced.reply.status.ToString(),
                           bounced.bounce_message.empty() ? "" : " ", bounced.bounce_message));
    }
    for (const StartCall& call : effects.calls) {
      lines_.push_back(Cat("call #", call.attempt, " for ",
                           Join(machine_->EventOf(call.invocation).recipients, ",")));
    }
    for (const StartDelivery& start : effects.deliveries) {
      std::vector<std::string> recipients;
      for (const Index i : machine_->Pending(start.delivery)) {
        recipients.push_back(machine_->state().recipients[i].forward_path);
      }
      const DeliveryState& delivery = machine_->state().deliveries[start.delivery];
      lines_.push_back(Cat("deliver ", start.delivery, " #", start.attempt, " to ",
                           delivery.next_hop, " ", Name(delivery.marking), " ",
                           Join(recipients, ","), ContentOf(delivery)));
    }
  }

  static FlowSettings Settings() {
    FlowSettings settings;
    settings.inbound_next_hop = "mailbox";
    settings.outbound_next_hop = "relay";
    settings.bounce_next_hop = "relay";
    return settings;
  }

  FlowSettings settings_ = Settings();
  std::vector<std::string> lines_;
  std::optional<MessageMachine> machine_;
};

TEST_CASE("MessageMachine: vectors", "[flow][message_machine]") {
  for (const tests::Vector& vector : tests::LoadVectors("flow/message_machine.json")) {
    DYNAMIC_SECTION(vector.name) {
      Driver driver(vector.input);
      for (const Json& step : vector.input.at("steps"))
        driver.Do(step);
      CHECK(driver.lines() == Strings(vector.want));
    }
  }
}

}  // namespace
}  // namespace penstock::flow
