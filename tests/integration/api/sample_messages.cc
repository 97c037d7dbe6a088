// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/api/sample_messages.h"

#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "engine/flow/message_machine.h"
#include "engine/flow/plan.h"
#include "engine/runtime/message_step.h"
#include "tests/support/await.h"

namespace penstock::tests {
namespace {

using flow::Effects;
using flow::HistoryEntry;
using flow::HistoryKind;
using flow::MessageMachine;
using flow::PlannedRecipient;
using mail::SmtpReply;
using rules::Action;
using rules::FlowRule;

constexpr std::string_view kHeader = "From: Alice <alice@example.org>\r\nSubject: Lunch?\r\n\r\n";

void Require(const Status& status) {
  if (!status.ok()) throw std::runtime_error(std::string(Message(status)));
}

FlowRule HookRule(std::string name, rules::InvocationMode mode) {
  FlowRule rule;
  rule.organization = "default";
  rule.sender_patterns = {"*"};
  rule.recipient_patterns = {"*"};
  rules::HookInvocation call;
  call.hook = name + "-hook";
  call.mode = mode;
  call.rule_timeout =
      mode == rules::InvocationMode::kSync ? std::chrono::minutes(10) : std::chrono::minutes(0);
  rule.name = std::move(name);
  rule.run_hook = std::move(call);
  return rule;
}

// One message on its way, each step committed as the runtime does it.
class Story {
 public:
  Story(runtime::Context& context, SettableClock& clock, Time received, const std::string& sender,
        const std::vector<PlannedRecipient>& recipients)
      : context_(context), clock_(clock) {
    clock_.Set(received);
    flow::MessageState state;
    state.id = MessageId(FormatUuid(context_.random.Bytes()));
    state.organization = "default";
    state.client.address = "192.0.2.1";
    state.client.listener = "smtp";
    if (!sender.empty()) {
      state.client.forwarded = {{"NAME", "mail far.example"}, {"ADDR", "192.0.2.9"}};
      state.dsn = {mail::DsnReturn::kHeaders, "QQ314159"};
    }
    state.reverse_path = sender;
    state.may_bounce = !sender.empty();
    state.received = received;
    state.summary.mail_from = sender;
    state.summary.subject = "Lunch?";
    auto content = context_.store.NewContent();
    Require(content.status());
    Require((*content)->Write(kHeader));
    Require((*content)->Write("At noon.\r\n"));
    state.content = (*content)->id();
    state.octets = (*content)->octets();
    flow::Plan plan = flow::MakePlan(std::move(state), recipients, [&] {
      return InvocationId(FormatHex(context_.random.Bytes()));
    });
    if (!sender.empty()) {
      mail::RecipientDsn& first = plan.state.recipients.front().dsn;
      first.notify_given = first.failure = true;
      first.original_recipient = "rfc822;Bob@example.com";
    }
    machine_ = std::make_unique<MessageMachine>(
        std::move(plan.state), settings_,
        [](std::string_view domain) { return domain == "example.com"; });
    Effects effects = machine_->Begin(received);
    effects.history.insert(effects.history.begin(), plan.history.begin(), plan.history.end());
    Commit(effects, *std::move(content));
  }

  // The hook's next attempt ends, `seconds` later.
  void HookEnds(int seconds, const StatusOr<flow::Answer>& answer) {
    Resume(seconds);
    const Time started = clock_.Now();
    clock_.Set(started + Milliseconds(12));
    const flow::StartCall call = Take(calls_);
    Commit(machine_->OnHookEnded(call, answer, started, clock_.Now(), 0.5));
  }

  // Its next delivery ends, `seconds` later, with the same reply for every recipient.
  void DeliveryEnds(int seconds, const SmtpReply& reply) {
    Resume(seconds);
    const Time started = clock_.Now();
    clock_.Set(started + Milliseconds(3));
    const flow::StartDelivery delivery = Take(deliveries_);
    const std::vector<SmtpReply> replies(machine_->Pending(delivery.delivery).size(), reply);
    Commit(machine_->OnDeliveryEnded(delivery, replies, started, clock_.Now(), 0.5));
  }

  // What the worker of an ASYNC hook adds to the record.
  void AsyncEnds(int seconds, std::uint32_t attempt, const std::string& rule) {
    clock_.Set(clock_.Now() + std::chrono::seconds(seconds));
    HistoryEntry entry{.time = clock_.Now(), .kind = HistoryKind::kAsyncAttempt};
    entry.rule = rule;
    entry.hook = rule + "-hook";
    entry.attempt = attempt;
    entry.duration = Milliseconds(60'000);
    entry.code = "DEADLINE_EXCEEDED";
    entry.detail = "no answer within 60s";
    std::vector<HistoryEntry> history = {entry};
    if (attempt == 3) {
      entry.kind = HistoryKind::kAsyncDeadLetter;
      entry.detail = "DEADLINE_EXCEEDED: no answer within 60s";
      history.push_back(entry);
    }
    ports::Transaction transaction;
    transaction.history.push_back({machine_->state().id, std::move(history)});
    Require(Await(context_.executor, context_.store.Commit(std::move(transaction))));
  }

  [[nodiscard]] const flow::MessageState& state() const { return machine_->state(); }

 private:
  void Resume(int seconds) {
    clock_.Set(clock_.Now() + std::chrono::seconds(seconds));
    const Effects due = machine_->Resume(clock_.Now());
    calls_.insert(calls_.end(), due.calls.begin(), due.calls.end());
    deliveries_.insert(deliveries_.end(), due.deliveries.begin(), due.deliveries.end());
  }

  // The first that was started and has not ended.
  template <class Started>
  static Started Take(std::deque<Started>& started) {
    if (started.empty()) throw std::runtime_error("a sample message: nothing is due");
    const Started first = started.front();
    started.pop_front();
    return first;
  }

  void Commit(const Effects& effects, std::unique_ptr<ports::ContentWriter> content = nullptr) {
    std::vector<flow::MessageState> bounces;
    auto step = runtime::StepTransaction(context_, machine_->state(), effects, kHeader,
                                         clock_.Now(), bounces);
    Require(step.status());
    if (content != nullptr) step->contents.push_back(std::move(content));
    Require(Await(context_.executor, context_.store.Commit(*std::move(step))));
  }

  runtime::Context& context_;
  SettableClock& clock_;
  const flow::FlowSettings settings_ = *context_.settings.Current();
  std::unique_ptr<MessageMachine> machine_;
  std::deque<flow::StartCall> calls_;
  std::deque<flow::StartDelivery> deliveries_;
};

flow::Answer Decision() {
  flow::AnswerEntry bounce;
  bounce.type = "BOUNCE";
  bounce.bounce_message = "bob is \x1b[31mon leave\xc2\x9b";
  bounce.recipients = {"bob@example.com", "stranger@example.com"};
  bounce.has_recipients = true;
  flow::AnswerEntry pass;
  pass.type = "DEFAULT";
  pass.recipients = {"grace@example.com"};
  pass.has_recipients = true;
  pass.all_recipients = true;
  flow::Answer answer;
  answer.actions = {bounce, pass};
  return answer;
}

flow::Answer Nonsense() {
  flow::AnswerEntry entry;
  entry.type = "QUARANTINE";
  entry.all_recipients = true;
  flow::Answer answer;
  answer.actions = {entry};
  return answer;
}

// Two of copy-hook's, the first for `message`, and one for a hook that is gone.
void AddDeadLetters(runtime::Context& context, const flow::MessageState& message) {
  const std::vector<std::string> recipients = {"dave@example.com"};
  ports::Transaction transaction;
  for (const auto& [hook, error] :
       {std::pair("copy-hook", "DEADLINE_EXCEEDED: no answer within 60s"),
        std::pair("copy-hook", "UNAVAILABLE: connection refused"),
        std::pair("gone-hook", "queue of hook gone-hook: full (100000 events)")}) {
    ports::AsyncEvent event;
    event.hook = hook;
    event.organization = "default";
    event.rule = "copy";
    event.event =
        flow::BuildEvent(message.summary, recipients, message.id,
                         InvocationId("0123456789abcdef0123456789abcdef"), message.direction);
    event.attempts_ended = event.hook == "copy-hook" ? 3 : 0;
    event.next_attempt = message.received + std::chrono::minutes(3);
    event.dead = true;
    event.last_error = error;
    transaction.new_async_events.push_back(std::move(event));
  }
  Require(Await(context.executor, context.store.Commit(std::move(transaction))));
}

}  // namespace

void AddSampleMessages(runtime::Context& context, SettableClock& clock) {
  const Time noon(std::chrono::seconds(1'790'000'000));
  const FlowRule screen = HookRule("screen", rules::InvocationMode::kSync);
  const FlowRule copy = HookRule("copy", rules::InvocationMode::kAsync);
  FlowRule block;
  block.name = "block";
  block.verdict.action = Action::kDrop;
  const std::string why = "sender * matches, recipient * matches";

  Story decided(
      context, clock, noon, "alice@example.org",
      {{"bob@example.com", &screen, why, false},
       {"carol@example.com", &screen, why, false},
       {"dave@example.com", &copy, why, false},
       {"erin@example.com", nullptr, "no rule matches", false},
       {"frank@example.com", &block, "sender * matches, recipient frank@example.com", false},
       {"heidi@elsewhere.example", nullptr, "in no domain of an organization", true}});
  decided.HookEnds(0, Unavailable("failed to connect to all addresses"));
  decided.HookEnds(1, Nonsense());
  decided.HookEnds(2, Decision());
  decided.DeliveryEnds(0, {451, {4, 3, 0}, "try again later"});
  decided.DeliveryEnds(0, {250, {2, 0, 0}, "queued as 1"});
  decided.DeliveryEnds(0, {250, {2, 0, 0}, "queued as 2"});
  decided.AsyncEnds(60, 1, "copy");
  decided.AsyncEnds(120, 2, "copy");
  decided.AsyncEnds(180, 3, "copy");
  decided.DeliveryEnds(60, {250, {2, 0, 0}, "queued as 3"});

  AddDeadLetters(context, decided.state());

  Story waiting(context, clock, noon + std::chrono::hours(1), "",
                {{"bob@example.com", &screen, why, false}});
  waiting.HookEnds(0, Unavailable("failed to connect to all addresses"));
  waiting.HookEnds(1, DeadlineExceeded("no answer within 15s"));

  Story deferred(context, clock, noon + std::chrono::hours(2), "alice@example.org",
                 {{"bob@example.com", nullptr, "no rule matches", false}});
  deferred.DeliveryEnds(0, {451, {4, 4, 1}, "connection refused"});
}

}  // namespace penstock::tests
