// SPDX-License-Identifier: Apache-2.0
// What is durable, held against what was durable before and what hooks and next hops have said.
#include <algorithm>

#include "tests/sim/ledger.h"

namespace penstock::sim {

using flow::DecidedBy;
using flow::DeliveryProgress;
using flow::Index;
using flow::InvocationState;
using flow::MessageState;
using flow::RecipientState;
using rules::Action;

namespace {

bool IsOpen(const MessageState& state) {
  return flow::Phase(state) != flow::MessagePhase::kClosed;
}

// Whether the sender is to be told of it.
bool HasFailed(const RecipientState& recipient, const ports::MessageWrite& write) {
  if (recipient.progress == DeliveryProgress::kCancelled) {
    return std::any_of(write.history.begin(), write.history.end(),
                       [&](const flow::HistoryEntry& entry) {
                         return entry.kind == flow::HistoryKind::kCancelled &&
                                entry.action == "BOUNCE" && !entry.next_hop.empty() &&
                                std::find(entry.recipients.begin(), entry.recipients.end(),
                                          recipient.forward_path) != entry.recipients.end();
                       });
  }
  return recipient.progress == DeliveryProgress::kFailed ||
         (recipient.outcome && recipient.outcome->action == Action::kBounce);
}

std::string Words(const RecipientState& recipient) {
  return Cat(recipient.forward_path, " ",
             recipient.outcome ? rules::Name(recipient.outcome->action) : "undecided", " by ",
             Name(recipient.decided_by), " ", Name(recipient.progress));
}

// In the words of the reference: "BOUNCE:text NAMED".
std::string ReferenceWords(const RecipientState& recipient) {
  std::string words(rules::Name(recipient.outcome->action));
  if (!recipient.outcome->bounce_message.empty())
    Append(words, ":", recipient.outcome->bounce_message);
  if (recipient.added) return words;
  switch (recipient.decided_by) {
    case DecidedBy::kNamed:
      return words + " NAMED";
    case DecidedBy::kAllRecipients:
      return words + " ALL_RECIPIENTS";
    default:
      return words + " FALLBACK";
  }
}

}  // namespace

void Ledger::OnDurable(const Durable& durable) {
  std::map<MessageId, std::size_t> failures;  // of each message in this commit
  for (const ports::MessageWrite& write : durable.messages) {
    const auto known = messages_.find(write.state.id);
    std::size_t failed = 0;
    for (Index i = 0; i < write.state.recipients.size(); ++i) {
      const bool was = known != messages_.end() && i < known->second.state.recipients.size() &&
                       HasFailed(known->second.state.recipients[i], write);
      if (HasFailed(write.state.recipients[i], write) && !was) ++failed;
    }
    if (failed > 0 && write.state.may_bounce) failures[write.state.id] = failed;
    if (known == messages_.end()) {
      TakeNew(write, durable);
    } else {
      TakeChange(known->second, write);
    }
  }
  CheckBounces(failures, durable);
  TakeEvents(durable);
}

void Ledger::TakeNew(const ports::MessageWrite& write, const Durable& durable) {
  const MessageState& state = write.state;
  trace_.Line("durable: new message ", state.id.text(), " ", state.msg_id);
  Message message;
  message.state = state;
  message.durable_since = scheduler_.Now();
  message.process = process_;
  if (!state.is_bounce) {
    const auto submission = submissions_.find(state.msg_id);
    if (submission == submissions_.end()) {
      Violate("A5", Cat("message ", state.id.text(), " is of no submission: ", state.msg_id));
      return;
    }
    message.submission = &submission->second;
    messages_of_[state.msg_id].push_back(state.id);
  }
  for (const RecipientState& recipient : state.recipients) {
    if (recipient.outcome.has_value() == (recipient.invocation != flow::kNoIndex))
      Violate("A5", Cat("accepted with neither an outcome nor a hook to ask, or with both: ",
                        Words(recipient)));
  }
  CheckAsyncQueued(state, durable);
  if (IsOpen(state)) ++open_messages_;
  messages_.emplace(state.id, std::move(message));
}

void Ledger::TakeChange(Message& message, const ports::MessageWrite& write) {
  const MessageState& after = write.state;
  trace_.Line("durable: message ", after.id.text(), " is ", Name(flow::Phase(after)));
  if (IsOpen(message.state)) --open_messages_;
  if (IsOpen(after)) ++open_messages_;
  CheckIdentity(message.state, after);
  CheckRecipients(message, after);
  for (Index i = 0; i < after.invocations.size(); ++i)
    CheckInvocation(message, write, i);
  message.state = after;
}

void Ledger::CheckIdentity(const MessageState& before, const MessageState& after) {
  const bool same =
      before.organization == after.organization && before.direction == after.direction &&
      before.reverse_path == after.reverse_path && before.received == after.received &&
      before.msg_id == after.msg_id && before.summary == after.summary &&
      before.is_bounce == after.is_bounce && before.recipients.size() <= after.recipients.size() &&
      before.invocations.size() == after.invocations.size() &&
      before.deliveries.size() <= after.deliveries.size();
  if (!same) Violate("A5", Cat("message ", after.id.text(), " is another than it was"));
}

void Ledger::CheckRecipients(const Message& message, const MessageState& after) {
  const MessageState& before = message.state;
  for (Index i = 0; i < after.recipients.size() && i < before.recipients.size(); ++i) {
    const RecipientState& was = before.recipients[i];
    const RecipientState& is = after.recipients[i];
    if (was.forward_path != is.forward_path || was.rule != is.rule || was.added != is.added ||
        was.foreign != is.foreign || was.invocation != is.invocation) {
      Violate("A5", Cat("recipient ", was.forward_path, " became ", is.forward_path));
    }
    if (was.outcome && (was.outcome != is.outcome || was.decided_by != is.decided_by))
      Violate("A5", Cat("a second outcome: ", Words(was), " became ", Words(is)));
    CheckProgress(message, after, i);
  }
  for (Index i = 0; i < after.recipients.size(); ++i) {
    const RecipientState& is = after.recipients[i];
    const bool delivers =
        is.outcome && is.outcome->action != Action::kDrop && is.outcome->action != Action::kBounce;
    if (delivers != (is.delivery != flow::kNoIndex))
      Violate("A5", Cat("the outcome and the delivery do not agree: ", Words(is)));
  }
}

void Ledger::CheckProgress(const Message& message, const MessageState& after, Index i) {
  const RecipientState& was = message.state.recipients[i];
  const RecipientState& is = after.recipients[i];
  if (was.progress == is.progress) return;
  if (was.progress == DeliveryProgress::kDelivered || was.progress == DeliveryProgress::kFailed ||
      was.progress == DeliveryProgress::kCancelled)
    Violate("A5", Cat("a second end: ", Words(was), " became ", Words(is)));
  const auto handover = message.handovers.find(i);
  if (is.progress == DeliveryProgress::kDelivered &&
      (handover == message.handovers.end() || !handover->second.taken)) {
    Violate("A5", Cat("recorded as delivered, but no next hop said that it took it: ", Words(is)));
  }
  if (is.progress == DeliveryProgress::kCancelled) {
    trace_.Count("cancelled while it was delivered");
    if (!cancelled_.contains(after.id))
      Violate("A5", Cat("message ", after.id.text(), " was cancelled by nobody"));
    if (handover != message.handovers.end() && handover->second.running)
      Violate("A5", Cat("cancelled while a next hop had it: ", Words(is)));
  }
  if (is.progress == DeliveryProgress::kFailed && !world_.clock_jumps) {
    const int code = handover == message.handovers.end() ? 0 : handover->second.last_code;
    // 0: its content could not be read, so no next hop was asked.
    const bool expired = clock_.Now() >= after.deliveries.at(is.delivery).expiry;
    if (code / 100 != 5 && !(expired && code / 100 != 2))
      Violate("A8", Cat("given up after reply ", code, " before its time is over: ", Words(is)));
    trace_.Count(expired && code / 100 == 4 ? "expired" : "refused for good");
  }
}

void Ledger::CheckInvocation(const Message& message, const ports::MessageWrite& write, Index i) {
  const InvocationState& was = message.state.invocations[i];
  const InvocationState& is = write.state.invocations[i];
  if (was.id != is.id)
    Violate("E6", Cat("invocation ", was.id.text(), " has a new id: ", is.id.text()));
  if (was.rule != is.rule || was.hook != is.hook || was.fallback != is.fallback ||
      was.rule_timeout != is.rule_timeout) {
    Violate("R14", Cat("invocation ", was.id.text(), " is another than it was"));
  }
  if (is.attempts_ended < was.attempts_ended || is.attempts_ended > was.attempts_ended + 1)
    Violate("H4", Cat("attempts went from ", was.attempts_ended, " to ", is.attempts_ended));
  // A clock that was set back over a restart makes it earlier.
  const bool is_mended = world_.clock_jumps && is.deadline && is.deadline < was.deadline;
  if (was.deadline && was.deadline != is.deadline && !is_mended)
    Violate("H4", Cat("the deadline of invocation ", is.id.text(), " has moved"));
  if (was.decided && !is.decided)
    Violate("A5", Cat("invocation ", is.id.text(), " is undecided again"));
  const Invocation& seen = invocations_[is.id];
  if (!was.deadline && is.deadline && seen.last_attempt == is.attempts_ended &&
      *is.deadline != seen.last_started + is.rule_timeout) {
    Violate("H3", Cat("the deadline of invocation ", is.id.text(),
                      " does not count from the start of its attempt"));
  }
  if (was.decided && was.replaced != is.replaced)
    Violate("M2", Cat("what replaces the content of invocation ", is.id.text(), " has changed"));
  if (!was.decided && is.decided) CheckReplaced(write.state, i);
  if (was.decided || !is.decided) {
    const bool put = !was.decided && is.attempts_ended > was.attempts_ended &&
                     invocations_[is.id].staged.contains(is.attempts_ended);
    if (put) trace_.Count("put, then a failing answer");
    if (!is.decided && is.attempts_ended > was.attempts_ended) trace_.Count("retry");
    return;
  }
  if (is.fell_back) {
    CheckFallback(was, write, i);
  } else {
    CheckAnswer(write.state, i);
  }
}

void Ledger::CheckFallback(const InvocationState& before, const ports::MessageWrite& write,
                           Index i) {
  const InvocationState& is = write.state.invocations[i];
  const Invocation& seen = invocations_[is.id];
  trace_.Count("fallback");
  const bool had_no_turn = before.next_attempt && is.deadline &&
                           *before.next_attempt < *is.deadline &&
                           before.attempts_ended == is.attempts_ended;
  if (had_no_turn) trace_.Count("no turn before the rule timeout");
  if (seen.valid_answer)
    Violate("H3", Cat("fallback over a valid answer, invocation ", is.id.text()));
  if (seen.running) Violate("H3", Cat("fallback while an attempt runs, ", is.id.text()));
  if (is.attempts_ended == 0) Violate("H3", Cat("fallback without an attempt, ", is.id.text()));
  const auto entry = std::find_if(
      write.history.begin(), write.history.end(),
      [](const flow::HistoryEntry& e) { return e.kind == flow::HistoryKind::kFallbackApplied; });
  if (entry == write.history.end()) {
    Violate("A6", Cat("a fallback that is not on record, ", is.id.text()));
  } else if (!is.deadline || entry->time < *is.deadline) {
    Violate("H3", Cat("fallback before the rule timeout is over, ", is.id.text()));
  }
  for (const RecipientState& recipient : write.state.recipients) {
    if (recipient.invocation != i) continue;
    if (recipient.outcome != is.fallback || recipient.decided_by != DecidedBy::kTimeoutFallback)
      Violate("H3", Cat("the fallback is not for all: ", Words(recipient)));
  }
}

void Ledger::CheckAnswer(const MessageState& after, Index i) {
  const Invocation& seen = invocations_[after.invocations[i].id];
  const auto& recipients = after.recipients;
  if (std::any_of(recipients.begin(), recipients.end(), [i](const RecipientState& recipient) {
        return recipient.invocation == i && recipient.decided_by == DecidedBy::kAdministrator;
      })) {
    trace_.Count("cancelled while a hook was asked");
    if (!cancelled_.contains(after.id))
      Violate("A5", Cat("message ", after.id.text(), " was cancelled by nobody"));
    return;
  }
  trace_.Count("decided by answer");
  if (!seen.valid_answer) {
    Violate("H7",
            Cat("decided, but no hook gave a valid answer: ", after.invocations[i].id.text()));
    return;
  }
  const InvocationState& is = after.invocations[i];
  if (is.deadline && clock_.Now() >= *is.deadline) trace_.Count("valid answer after the timeout");
  const auto want = Judge(after, i, *seen.valid_answer);
  std::vector<std::string> got;
  for (const RecipientState& recipient : after.recipients) {
    if (recipient.invocation != i) continue;
    got.push_back(Cat(recipient.added ? recipient.forward_path + " " : "",
                      recipient.outcome ? ReferenceWords(recipient) : "undecided"));
  }
  if (want && *want != got)
    Violate("H7", Cat("answer resolved to [", Join(got, "; "), "], not [", Join(*want, "; "), "]"));
}

// H12: in the commit before the 250.
void Ledger::CheckAsyncQueued(const MessageState& state, const Durable& durable) {
  std::map<std::string, std::vector<std::string>> want;  // by rule
  for (const RecipientState& recipient : state.recipients) {
    if (recipient.decided_by == DecidedBy::kAsyncRule)
      want[recipient.rule].push_back(recipient.forward_path);
  }
  std::map<std::string, std::vector<std::string>> got;
  for (const ports::AsyncEvent& event : durable.new_async_events) {
    if (event.event.message_id == state.id) got[event.rule] = event.event.recipients;
  }
  if (want != got)
    Violate("H12", Cat("message ", state.id.text(), " was accepted without its async events"));
}

// A3, A5: the sender is told in the commit that gives a recipient up.
void Ledger::CheckBounces(const std::map<MessageId, std::size_t>& failures,
                          const Durable& durable) {
  const auto bounces =
      std::count_if(durable.messages.begin(), durable.messages.end(), [&](const auto& write) {
        return write.state.is_bounce && !write.history.empty() &&
               write.history.front().kind == flow::HistoryKind::kAccepted;
      });
  if (static_cast<std::size_t>(bounces) != failures.size())
    Violate("A3", Cat(failures.size(), " messages failed for good and ", bounces,
                      " bounces were accepted with that"));
  trace_.Count("bounce", static_cast<std::uint64_t>(bounces));
}

void Ledger::TakeEvents(const Durable& durable) {
  for (const ports::AsyncEvent& event : durable.new_async_events) {
    trace_.Line("durable: async event ", event.id, " for ", event.hook);
    event_of_[event.event.invocation_id] = event.id;
    events_[event.id].event = event;
  }
  for (const ports::AsyncEvent& event : durable.changed_async_events) {
    Event& known = events_[event.id];
    if (known.event.event != event.event)
      Violate("H4", Cat("async event ", event.id, " is another than it was"));
    if (event.dead && !known.event.dead) {
      trace_.Count("dead letter");
      const int retries = world_.AsyncRetries(event.hook);
      if (event.attempts_ended <= static_cast<std::uint32_t>(retries))
        Violate("H12", Cat("async event ", event.id, " given up after ", event.attempts_ended,
                           " attempts, with ", retries, " retries"));
    }
    known.event = event;
  }
  for (const std::int64_t id : durable.done_async_events) {
    Event& known = events_[id];
    if (!known.succeeded)
      Violate("H12", Cat("async event ", id, " was removed, but no hook has taken it"));
    known.done = true;
  }
}

}  // namespace penstock::sim
