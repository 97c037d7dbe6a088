// SPDX-License-Identifier: Apache-2.0
// What becomes of outcomes: deliveries, bounces, and how deliveries end (A1, A2, A3, A8).
#include <algorithm>
#include <map>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/strings.h"
#include "engine/flow/message_machine.h"

namespace penstock::flow {
namespace {

using rules::Action;
using rules::FlowDirection;
using rules::Verdict;

struct Route {
  std::string next_hop;
  Marking marking = Marking::kNone;
  Index content_of = kNoIndex;
  friend auto operator<=>(const Route&, const Route&) = default;
};

bool Delivers(Action action) {
  return action != Action::kDrop && action != Action::kBounce;
}

const std::string& OrElse(const std::string& preferred, const std::string& otherwise) {
  return preferred.empty() ? otherwise : preferred;
}

// A1: which way an outcome leaves, how it is marked, and with which content.
Route RouteOf(const MessageState& message, const RecipientState& recipient,
              const FlowSettings& settings) {
  Route route;
  // Of what an invocation decided, one added by it included, all get what it put there (M2).
  const Index invocation = recipient.invocation;
  if (invocation != kNoIndex && message.invocations[invocation].replaced) {
    route.content_of = invocation;
  }
  const bool inbound = message.direction == FlowDirection::kInbound && !recipient.foreign;
  const std::string& normal = inbound ? settings.inbound_next_hop : settings.outbound_next_hop;
  const Action action = recipient.outcome->action;
  if (message.is_bounce) {
    route.next_hop = settings.bounce_next_hop;
  } else if (action == Action::kMoveToJunk) {
    route.next_hop = OrElse(settings.junk_next_hop, normal);
    route.marking = Marking::kJunk;
  } else if (action == Action::kBypassSpamCheck) {
    route.next_hop = OrElse(settings.bypass_next_hop, normal);
    route.marking = Marking::kBypassSpamCheck;
  } else if (action == Action::kRouteToGateway) {
    route.next_hop = recipient.outcome->gateway;
  } else {
    route.next_hop = normal;
  }
  return route;
}

// What a bounce by rule, hook or fallback says in its Status (RFC 3463 §3.8); its words are theirs.
mail::SmtpReply PolicyRefusal() {
  return {550, {5, 7, 1}, {}};
}

// A8. What the next hop said last goes along; why we did not reach it is for administrators.
mail::SmtpReply Expired(const mail::SmtpReply& last) {
  mail::SmtpReply reply = {554, {5, 4, 7}, "delivery time expired"};
  reply.server = last.server;
  if (!last.server.empty()) Append(reply.text, "; last reply: ", last.ToString());
  return reply;
}

HistoryEntry OutcomeEntry(Time now, const Verdict& verdict) {
  HistoryEntry entry{.time = now, .kind = HistoryKind::kOutcome};
  entry.action = rules::Name(verdict.action);
  entry.detail =
      verdict.action == Action::kRouteToGateway ? verdict.gateway : verdict.bounce_message;
  return entry;
}

}  // namespace

// Turns outcomes into deliveries and bounces: recipients of the same outcome and content leave as
// one transaction (A2).
void MessageMachine::Settle(const std::vector<Index>& decided, Time now, Effects& effects) {
  std::map<Route, Index> transactions;
  std::vector<std::pair<Verdict, HistoryEntry>> outcomes;
  for (const Index i : decided) {
    RecipientState& recipient = state_.recipients[i];
    const Verdict& verdict = *recipient.outcome;
    auto outcome = std::find_if(outcomes.begin(), outcomes.end(),
                                [&](const auto& seen) { return seen.first == verdict; });
    if (outcome == outcomes.end()) {
      outcome = outcomes.insert(outcomes.end(), {verdict, OutcomeEntry(now, verdict)});
    }
    outcome->second.recipients.push_back(recipient.forward_path);
    if (!Delivers(verdict.action)) continue;

    const Route route = RouteOf(state_, recipient, settings_);
    const auto [transaction, is_new] =
        transactions.emplace(route, static_cast<Index>(state_.deliveries.size()));
    if (is_new) {
      DeliveryState delivery;
      delivery.next_hop = route.next_hop;
      delivery.marking = route.marking;
      delivery.content_of = route.content_of;
      delivery.expiry = now + settings_.delivery_expiry;
      state_.deliveries.push_back(std::move(delivery));
      delivering_.push_back(false);
    }
    recipient.delivery = transaction->second;
    recipient.progress = DeliveryProgress::kPending;
  }
  for (auto& [verdict, entry] : outcomes)
    effects.history.push_back(std::move(entry));
  for (const Index i : decided) {
    const Verdict& verdict = *state_.recipients[i].outcome;
    if (verdict.action == Action::kBounce) {
      Fail(i, {i, verdict.bounce_message, PolicyRefusal()}, now, effects);
    }
  }
}

Effects MessageMachine::OnDeliveryEnded(const StartDelivery& start,
                                        const std::vector<mail::SmtpReply>& replies, Time started,
                                        Time now, double chance) {
  Effects effects;
  DeliveryState& delivery = state_.deliveries.at(start.delivery);
  if (delivery.done || !delivering_[start.delivery] ||
      start.attempt != delivery.attempts_ended + 1) {
    return effects;  // late, or a second time
  }
  const std::vector<Index> pending = Pending(start.delivery);
  PENSTOCK_CHECK(pending.size() == replies.size());
  delivering_[start.delivery] = false;
  delivery.attempts_ended = start.attempt;
  delivery.next_attempt.reset();
  effects.record = true;

  const bool expired = now >= delivery.expiry;
  bool deferred = false;
  std::map<std::string, HistoryEntry> entries;  // by code and reply: one line for equal fates
  for (std::size_t i = 0; i < pending.size(); ++i) {
    RecipientState& recipient = state_.recipients[pending[i]];
    const mail::SmtpReply& reply = replies[i];
    recipient.last_reply = reply.ToString();
    std::string_view code = "delivered";
    if (reply.code / 100 == 2) {
      Succeed(pending[i], reply, effects);
    } else if (reply.code / 100 == 5) {
      code = "failed";
      Fail(pending[i], {pending[i], {}, reply}, now, effects);
    } else if (expired) {
      code = "failed";
      Fail(pending[i], {pending[i], {}, Expired(reply)}, now, effects);
    } else {
      code = "deferred";
      deferred = true;
      delivery.last_error = recipient.last_reply;
    }
    HistoryEntry& entry = entries[Cat(code, " ", recipient.last_reply)];
    entry.code = code;
    entry.detail = recipient.last_reply;
    entry.recipients.push_back(recipient.forward_path);
  }
  for (auto& [key, entry] : entries) {
    entry.time = now;
    entry.kind = HistoryKind::kDeliveryAttempt;
    entry.next_hop = delivery.next_hop;
    entry.attempt = start.attempt;
    entry.duration = now - started;
    effects.history.push_back(std::move(entry));
  }
  delivery.done = !deferred;
  if (deferred) {
    const Time next =
        now + Backoff(settings_.delivery_retry, static_cast<int>(delivery.attempts_ended), chance);
    delivery.next_attempt = std::min(next, delivery.expiry);
  }
  CloseIfDone(now, effects);
  return effects;
}

// RFC 3461 §5.2: whoever asked for it is told, unless the next hop is the one to do it.
void MessageMachine::Succeed(Index index, const mail::SmtpReply& reply, Effects& effects) {
  RecipientState& recipient = state_.recipients[index];
  recipient.progress = DeliveryProgress::kDelivered;
  const bool ours = reply.hand_over != mail::HandOver::kPromised;
  if (recipient.dsn.success && ours && state_.may_bounce)
    effects.bounces.push_back({index, {}, reply});
}

// A3: the sender is told once, and never where that could make a loop.
void MessageMachine::Fail(Index index, BouncedRecipient bounced, Time now, Effects& effects) {
  RecipientState& recipient = state_.recipients[index];
  if (recipient.progress == DeliveryProgress::kPending)
    recipient.progress = DeliveryProgress::kFailed;
  if (state_.may_bounce && recipient.dsn.wants_failure()) {
    effects.bounces.push_back(std::move(bounced));
    return;
  }
  HistoryEntry entry{.time = now, .kind = HistoryKind::kBounceSuppressed};
  entry.recipients.push_back(recipient.forward_path);
  entry.detail = state_.reverse_path.empty() ? "the sender is the null path"
                 : state_.may_bounce         ? "the sender asked not to be told (NOTIFY)"
                                             : "the message is auto-submitted or a report";
  effects.history.push_back(std::move(entry));
}

std::vector<Index> MessageMachine::Pending(Index delivery) const {
  std::vector<Index> pending;
  for (Index i = 0; i < state_.recipients.size(); ++i) {
    const RecipientState& recipient = state_.recipients[i];
    if (recipient.delivery == delivery && recipient.progress == DeliveryProgress::kPending) {
      pending.push_back(i);
    }
  }
  return pending;
}

}  // namespace penstock::flow
