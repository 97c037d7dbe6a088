// SPDX-License-Identifier: Apache-2.0
// What clients are told, what hooks and next hops see, and what is left at the end, held against
// what is durable.
#include <algorithm>

#include "engine/base/limits.h"
#include "tests/sim/ledger.h"
#include "tests/support/reference_resolve.h"

namespace penstock::sim {

using flow::DeliveryProgress;
using flow::Index;
using flow::InvocationState;
using flow::MessageState;
using flow::RecipientState;
using rules::InvocationMode;

namespace {

// R11: a message that no SYNC hook decides leaves within this, if nothing stands in its way. Hooks
// that hang do so for longer.
constexpr Milliseconds kPromptly = std::chrono::seconds(5);

std::string JsonOf(const flow::Event& event) {
  std::string json;
  AppendJson(json, event);
  return json;
}

}  // namespace

Ledger::Ledger(const World& world, const SimClock& clock, const Scheduler& scheduler, Trace& trace)
    : world_(world), clock_(clock), scheduler_(scheduler), trace_(trace) {}

void Ledger::Violate(const char* clause, std::string text) {
  trace_.Violate(clause, std::move(text));
}

void Ledger::OnSubmitted(const Submission& submission) {
  submissions_.emplace(submission.msg_id, submission);
}

void Ledger::OnReplied(const std::string& msg_id, const mail::SmtpReply& reply) {
  trace_.Line("client of ", msg_id, " reads ", reply.ToString());
  std::map<std::string, std::size_t> places;
  for (const MessageId& id : messages_of_[msg_id]) {
    for (const RecipientState& recipient : messages_.at(id).state.recipients) {
      if (!recipient.added) ++places[recipient.forward_path];
    }
  }
  if (!reply.is_positive()) {
    trace_.Count("refused");
    if (!places.empty()) Violate("A5", Cat(msg_id, " was refused, but is on disk"));
    return;
  }
  trace_.Count("accepted");
  const Submission& submission = submissions_.at(msg_id);
  for (const std::string& recipient : submission.recipients) {
    if (places[recipient] != 1)
      Violate("A5", Cat("250 for ", msg_id, ", but recipient ", recipient, " is on disk ",
                        places[recipient], " times"));
  }
}

std::optional<MessageId> Ledger::OnIntervention(Dice& dice, bool cancel) {
  std::vector<MessageId> open;
  for (const auto& [id, message] : messages_) {
    if (flow::Phase(message.state) != flow::MessagePhase::kClosed) open.push_back(id);
  }
  if (open.empty()) return std::nullopt;
  MessageId id = dice.Pick(open);
  if (cancel) cancelled_.insert(id);
  return id;
}

std::size_t Ledger::OnCall(const ports::HookCall& call, const flow::Directory& directory) {
  Call entry;
  entry.id = call.event.invocation_id;
  entry.hook = call.hook->name;
  entry.sync = call.mode == InvocationMode::kSync;
  entry.started = clock_.Now();
  entry.process = process_;
  trace_.Line("call of ", entry.hook, ", invocation ", entry.id.text(), ", attempt ", call.attempt);
  trace_.Count(entry.sync ? "sync call" : "async call");
  const auto hook = directory.FindHook(entry.hook);
  if (hook == nullptr || !MayInvoke(*hook, call.organization, call.event.direction))
    Violate("P1", Cat("hook ", entry.hook, " was called without permission"));
  if (++running_calls_[entry.hook] > world_.CallsMax(entry.hook))
    Violate("H13", Cat("hook ", entry.hook, " has more calls at a time than it may"));
  if (entry.sync) {
    CheckSyncCall(call);
  } else {
    CheckAsyncCall(call, entry);
  }
  Invocation& seen = invocations_[entry.id];
  const std::string json = JsonOf(call.event);
  if (seen.event_json.empty()) seen.event_json = json;
  if (seen.event_json != json)
    Violate("H4", Cat("invocation ", entry.id.text(), " is sent another event than before"));
  if (seen.running) Violate("H3", Cat("two attempts at a time, ", entry.id.text()));
  seen.running = true;
  seen.last_attempt = call.attempt;
  seen.last_started = entry.started;
  calls_.push_back(std::move(entry));
  return calls_.size() - 1;
}

void Ledger::CheckSyncCall(const ports::HookCall& call) {
  const auto message = messages_.find(call.event.message_id);
  if (message == messages_.end()) {
    Violate("A5", Cat("a hook was called for a message that is not durable: ",
                      call.event.message_id.text()));
    return;
  }
  const auto& invocations = message->second.state.invocations;
  const auto invocation =
      std::find_if(invocations.begin(), invocations.end(),
                   [&](const InvocationState& i) { return i.id == call.event.invocation_id; });
  if (invocation == invocations.end()) {
    Violate("E6", Cat("new invocation id ", call.event.invocation_id.text(), " for message ",
                      call.event.message_id.text()));
    return;
  }
  if (invocation->decided)
    Violate("A5", Cat("an attempt after the decision, ", invocation->id.text()));
  if (call.attempt != invocation->attempts_ended + 1)
    Violate("H4", Cat("attempt ", call.attempt, " where ", invocation->attempts_ended + 1,
                      " is to come, ", invocation->id.text()));
  if (invocation->deadline && clock_.Now() >= *invocation->deadline)
    Violate("H3", Cat("attempt ", call.attempt, " started after the rule timeout, ",
                      invocation->id.text()));
  if (invocation->next_attempt && clock_.Now() < *invocation->next_attempt && !world_.clock_jumps)
    Violate("H3",
            Cat("attempt ", call.attempt, " started before its time, ", invocation->id.text()));
  if (call.timeout != call.hook->sync_deadline)
    Violate("H2", "a SYNC call has not the time that its hook is given");
  if (invocations_[invocation->id].last_attempt == 0 && call.attempt == 1 &&
      message->second.process != process_) {
    trace_.Count("first attempt after a restart");
  }
}

void Ledger::CheckAsyncCall(const ports::HookCall& call, Call& entry) {
  const auto id = event_of_.find(call.event.invocation_id);
  if (id == event_of_.end()) {
    Violate("E6", Cat("new invocation id ", call.event.invocation_id.text(), " for hook ",
                      call.hook->name));
    return;
  }
  const Event& known = events_.at(id->second);
  entry.event = id->second;
  if (known.done || known.event.dead)
    Violate("H12", Cat("async event ", id->second, " is sent after its end"));
  if (call.attempt != known.event.attempts_ended + 1)
    Violate("H12", Cat("async event ", id->second, " is sent as attempt ", call.attempt));
  if (clock_.Now() < known.event.next_attempt && !world_.clock_jumps)
    Violate("H12", Cat("async event ", id->second, " is sent before its time"));
  if (call.attempt > 1) trace_.Count("async retry");
}

void Ledger::OnCallEnded(std::size_t number, const StatusOr<flow::Answer>& answer) {
  const Call& entry = calls_[number];
  if (entry.process != process_) return;
  trace_.Line("call of ", entry.hook, " ended: ", CodeName(answer.status().code()));
  --running_calls_[entry.hook];
  Invocation& seen = invocations_[entry.id];
  seen.running = false;
  if (!answer.ok()) return;
  if (!entry.sync) {
    events_[entry.event].succeeded = true;
    return;
  }
  for (const auto& [id, message] : messages_) {
    const auto& invocations = message.state.invocations;
    for (Index i = 0; i < invocations.size(); ++i) {
      if (invocations[i].id != entry.id) continue;
      if (Judge(message.state, i, *answer)) {
        seen.valid_answer = *answer;
      } else {
        trace_.Count("invalid answer");
      }
      return;
    }
  }
}

// What the second implementation of H6 to H11 makes of an answer; nullopt: invalid.
std::optional<std::vector<std::string>> Ledger::Judge(const MessageState& state, Index invocation,
                                                      const flow::Answer& answer) const {
  tests::ReferenceInput input;
  for (const RecipientState& recipient : state.recipients) {
    if (recipient.added) continue;
    (recipient.invocation == invocation ? input.recipients : input.other_recipients)
        .push_back(recipient.forward_path);
  }
  const rules::Verdict& fallback = state.invocations[invocation].fallback;
  input.fallback = rules::Name(fallback.action);
  input.inbound = state.direction == rules::FlowDirection::kInbound;
  input.domains = world_.DomainsOf(state.organization);
  input.strict = world_.settings.strict;
  input.typed = answer.typed;
  for (const flow::AnswerEntry& entry : answer.actions) {
    tests::ReferenceEntry one{entry.type, entry.bounce_message, std::nullopt, entry.all_recipients};
    if (entry.has_recipients || !entry.recipients.empty()) one.recipients = entry.recipients;
    input.actions.push_back(std::move(one));
  }
  tests::ReferenceResult result = ReferenceResolve(input);
  if (!result.invalid_fields.empty()) return std::nullopt;
  for (std::string& line : result.recipients) {
    const std::string surplus = " SURPLUS";
    if (line.ends_with(surplus))
      line.replace(line.size() - surplus.size(), surplus.size(), " FALLBACK");
  }
  for (std::string& line : result.additions)
    result.recipients.push_back(std::move(line));
  return result.recipients;
}

std::optional<Index> Ledger::PendingRecipient(const Message& message,
                                              const ports::DeliveryRequest& request,
                                              const std::string& forward_path) const {
  const MessageState& state = message.state;
  for (Index i = 0; i < state.recipients.size(); ++i) {
    const RecipientState& recipient = state.recipients[i];
    if (recipient.forward_path != forward_path || !recipient.outcome ||
        recipient.progress != DeliveryProgress::kPending) {
      continue;
    }
    const flow::DeliveryState& delivery = state.deliveries.at(recipient.delivery);
    if (delivery.next_hop == request.next_hop && delivery.marking == request.marking &&
        !delivery.done) {
      return i;
    }
  }
  return std::nullopt;
}

std::size_t Ledger::OnDelivery(const ports::DeliveryRequest& request) {
  trace_.Line("delivery of ", request.message.text(), " to ", request.next_hop, " for ",
              Join(request.forward_paths, ","));
  trace_.Count("delivery");
  Delivery entry;
  entry.message = request.message;
  entry.process = process_;
  deliveries_.push_back(entry);
  const auto known = messages_.find(request.message);
  if (known == messages_.end()) {
    Violate("A5", Cat("delivered before it is durable: ", request.message.text()));
    return deliveries_.size() - 1;
  }
  Message& message = known->second;
  for (const std::string& forward_path : request.forward_paths) {
    const auto i = PendingRecipient(message, request, forward_path);
    if (!i) {
      Violate("A5", Cat("delivered without a durable decision that says so: ", forward_path,
                        " of message ", request.message.text(), " to ", request.next_hop));
      continue;
    }
    Handover& handover = message.handovers[*i];
    if (handover.running || handover.taken)
      Violate("A5", Cat("delivered twice: ", forward_path, " of ", request.message.text()));
    if (handover.times > 0 && handover.last_code == 0)
      trace_.Count("delivery repeated after a crash");
    handover.running = true;
    ++handover.times;
    deliveries_.back().recipients.push_back(*i);
    CheckPrompt(message, *i);
  }
  CheckContent(message, request, deliveries_.back().recipients);
  return deliveries_.size() - 1;
}

// R11: what no SYNC hook decides waits for none.
void Ledger::CheckPrompt(const Message& message, Index recipient) {
  if (!disk_is_sound_ || message.process != process_ || message.submission == nullptr) return;
  if (message.state.recipients[recipient].invocation != flow::kNoIndex) return;
  if (message.handovers.at(recipient).times > 1) return;
  trace_.Count("prompt delivery");
  if (scheduler_.Now() - message.durable_since > kPromptly)
    Violate("R11", Cat("message ", message.state.id.text(), " waited for no reason"));
}

void Ledger::OnDeliveryEnded(std::size_t number, const std::vector<mail::SmtpReply>& told) {
  const Delivery& entry = deliveries_[number];
  if (entry.process != process_) return;
  const auto message = messages_.find(entry.message);
  if (message == messages_.end()) return;
  for (std::size_t i = 0; i < entry.recipients.size() && i < told.size(); ++i) {
    Handover& handover = message->second.handovers[entry.recipients[i]];
    handover.running = false;
    handover.taken = told[i].code / 100 == 2;
    handover.last_code = told[i].code;
    trace_.Line("next hop says ", told[i].ToString());
  }
}

void Ledger::OnProcessBegins(bool disk_is_sound) {
  ++process_;
  disk_is_sound_ = disk_is_sound;
}

// What no disk has is forgotten: attempts that ran, answers and replies that were not committed.
void Ledger::OnProcessEnds() {
  ++process_;
  running_calls_.clear();
  for (auto& [id, invocation] : invocations_) {
    invocation.running = false;
    invocation.last_attempt = 0;
    invocation.valid_answer.reset();
    if (!std::exchange(invocation.staged, {}).empty()) trace_.Count("put, then a crash");
  }
  for (auto& [id, message] : messages_) {
    for (auto& [recipient, handover] : message.handovers)
      handover = {.running = false, .taken = false, .last_code = 0, .times = handover.times};
  }
}

void Ledger::OnQuiet(std::size_t waiting, std::size_t active) {
  // A message that was cancelled is worked on until its last call has ended.
  if (waiting > open_messages_)
    Violate("H4", Cat("a leaked wait: ", waiting, " wait, but ", open_messages_, " are open"));
  if (active == 0 && waiting < open_messages_)
    Violate("A5", Cat("a message is forgotten: ", waiting, " wait, ", open_messages_, " are open"));
}

void Ledger::OnEnd(const std::vector<ports::AsyncQueueCounts>& counts) {
  for (const auto& [id, message] : messages_) {
    const MessageState& state = message.state;
    if (flow::Phase(state) != flow::MessagePhase::kClosed)
      Violate("A5", Cat("message ", id.text(), " never ends: ", Name(flow::Phase(state))));
    for (const RecipientState& recipient : state.recipients) {
      trace_.Count(recipient.outcome ? Cat("outcome ", rules::Name(recipient.outcome->action))
                                     : std::string("no outcome"));
      if (!recipient.outcome || recipient.progress == DeliveryProgress::kPending)
        Violate("A5", Cat(recipient.forward_path, " of ", id.text(), " has no end"));
    }
  }
  std::map<std::string, std::uint64_t> left;  // events that no hook has taken
  for (const auto& [id, event] : events_) {
    if (!event.done) ++left[event.event.hook];
  }
  for (const ports::AsyncQueueCounts& count : counts) {
    if (count.queued > 0)
      Violate("H12", Cat("hook ", count.hook, " still has ", count.queued, " events queued"));
    trace_.Count("dead letter dropped", count.dropped);
    const std::uint64_t kept = count.dead + count.dropped + count.queued;
    if (left[count.hook] != kept)
      Violate("H12", Cat("hook ", count.hook, " has lost async events: ", left[count.hook],
                         " were not taken, ", kept, " are dead or dropped"));
    left.erase(count.hook);
  }
  for (const auto& [hook, events] : left) {
    if (events > 0) Violate("H12", Cat("hook ", hook, " has lost ", events, " async events"));
  }
}

}  // namespace penstock::sim
