// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/held_message.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <variant>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "engine/async/run_on.h"
#include "engine/async/strand.h"
#include "engine/async/timer.h"
#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/mail/mailbox.h"
#include "engine/runtime/content_retention.h"

namespace penstock::runtime {
namespace {

namespace asio = async::asio;
using flow::Effects;
using flow::HistoryEntry;
using flow::HistoryKind;
using flow::MessageState;
using mail::SmtpReply;
using rules::Action;

struct CallEnded {
  std::size_t message;
  flow::StartCall call;
  HookGate::Ended result;
};

struct TimePassed {};

struct EndRaised {};

using Event = std::variant<CallEnded, TimePassed, EndRaised>;
using Events = asio::experimental::channel<void(boost::system::error_code, Event)>;

void Take(Effects effects, HeldMessage& message) {
  const auto append = [](auto& to, auto& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  };
  append(message.effects.history, effects.history);
  append(message.effects.bounces, effects.bounces);
  append(message.deliveries, effects.deliveries);
}

asio::awaitable<void> Call(Context* context, std::shared_ptr<HeldCall> call, HookRequest request) {
  auto ended = co_await context->hooks.Call(std::move(request));
  call->End(std::move(ended));
}

// A call that can be cut off.
struct Cut {
  explicit Cut(async::Executor executor) : strand(std::move(executor)) {}

  const async::Executor strand;  // that the call runs on, and where `signal` is used
  asio::cancellation_signal signal;
};

asio::awaitable<void> CallUntilCut(Context* context, std::shared_ptr<HeldCall> call,
                                   HookRequest request, std::shared_ptr<Cut> cut) {
  auto work = context->hooks.Call(std::move(request));
  auto ended = co_await async::RunCancellable(cut->signal, std::move(work));
  call->End(std::move(ended));
}

HookRequest ToRequest(const flow::MessageMachine& machine, const flow::StartCall& call) {
  const MessageState& state = machine.state();
  const flow::InvocationState& invocation = state.invocations[call.invocation];
  HookRequest request;
  request.hook = invocation.hook;
  request.organization = state.organization;
  request.rule = invocation.rule;
  request.mode = rules::InvocationMode::kSync;
  request.attempt = call.attempt;
  request.start_before = invocation.deadline;
  request.event = machine.EventOf(call.invocation);
  return request;
}

// M2: content calls go by what is committed, and nothing is yet.
bool ReadsContent(const flow::Directory& directory, const MessageState& state) {
  return std::any_of(state.invocations.begin(), state.invocations.end(), [&](const auto& one) {
    const auto hook = directory.FindHook(one.hook);
    return hook != nullptr && (flow::MayRead(*hook, state.organization, state.direction) ||
                               flow::MayReplace(*hook, state.organization, state.direction));
  });
}

class Holding {
 public:
  // `whole`: what AskHooks promises.
  Holding(Context& context, std::vector<HeldMessage>& messages, async::Executor executor,
          bool whole)
      : context_(context), messages_(messages), whole_(whole), timer_(executor) {
    // Each invocation has one call at a time; and one TimePassed, one EndRaised.
    std::size_t room = 2;
    for (const HeldMessage& message : messages)
      room += message.machine.state().invocations.size();
    events_ = std::make_shared<Events>(executor, room);
  }

  asio::awaitable<void> Run(Milliseconds time) {
    const auto end = async::SteadyClock::now() + time;
    start_before_ = context_.clock.Now() + std::max(time, Milliseconds(limits::kHookTurnMin));
    while (!cut_ && Resume() && async::SteadyClock::now() < end) {
      Arm(end);
      co_await Next();
      timer_.cancel();
      ++*arming_;
    }
    timer_.cancel();
    ++*arming_;
    while (whole_ && Calls() > 0)
      co_await Next();
    *over_ = true;
    // A result that has come already counts.
    while (events_->try_receive([this](boost::system::error_code, const Event& event) {
      if (const auto* const ended = std::get_if<CallEnded>(&event)) OnCallEnded(*ended);
    })) {
    }
    for (HeldMessage& message : messages_) {
      for (const auto& call : message.calls)
        call->Leave();
    }
  }

  // For HoldEnd.
  std::function<void()> Raised() {
    return [events = events_, over = over_] {
      asio::post(events->get_executor(), [events, over] {
        if (*over) return;
        PENSTOCK_CHECK(events->try_send(boost::system::error_code(), Event(EndRaised{})));
      });
    };
  }

 private:
  asio::awaitable<void> Next() {
    auto [error, event] = co_await events_->async_receive(asio::as_tuple(asio::use_awaitable));
    PENSTOCK_CHECK(!error);
    if (const auto* const ended = std::get_if<CallEnded>(&event)) OnCallEnded(*ended);
    if (std::holds_alternative<EndRaised>(event)) CutOff();
  }

  [[nodiscard]] std::size_t Calls() const {
    std::size_t calls = 0;
    for (const HeldMessage& message : messages_)
      calls += message.calls.size();
    return calls;
  }

  void CutOff() {
    cut_ = true;
    for (const std::shared_ptr<Cut>& one : cuts_) {
      asio::post(one->strand, [one] { one->signal.emit(asio::cancellation_type::terminal); });
    }
  }

  HookRequest RequestOf(const HeldMessage& message, const flow::StartCall& call) {
    HookRequest request = ToRequest(message.machine, call);
    if (!whole_) return request;
    const MessageState& state = message.machine.state();
    request.start_before = std::min(request.start_before.value_or(start_before_), start_before_);
    request.desk = &context_.content;
    request.content = state.content;
    request.content_until = state.received + context_.content.retention();
    return request;
  }

  // Starts what is due; whether anything is undecided.
  bool Resume() {
    bool undecided = false;
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      HeldMessage& message = messages_[i];
      for (bool again = message.IsUndecided(); again;) {
        Effects effects = message.machine.Resume(context_.clock.Now());
        again = effects.record;
        for (const flow::StartCall& call : effects.calls)
          Start(i, call);
        Take(std::move(effects), message);
      }
      undecided = undecided || message.IsUndecided();
    }
    return undecided;
  }

  void Start(std::size_t message, const flow::StartCall& call) {
    auto held = std::make_shared<HeldCall>(call);
    // A result that was on its way here when the hold ended goes back, for whoever comes then.
    held->SetOnEnd([events = events_, over = over_, held, message](HookGate::Ended result) {
      asio::post(events->get_executor(), [events, over, held, message, result] {
        if (*over) return held->End(result);
        PENSTOCK_CHECK(events->try_send(boost::system::error_code(),
                                        Event(CallEnded{message, held->call(), result})));
      });
    });
    messages_[message].calls.push_back(held);
    HookRequest request = RequestOf(messages_[message], call);
    const async::Executor strand = async::MakeStrand(context_.executor);
    if (!whole_) {
      context_.tasks.Spawn(strand, Call(&context_, std::move(held), std::move(request)),
                           "hook call of a held reply");
      return;
    }
    std::erase_if(cuts_, [](const auto& one) { return one.use_count() == 1; });  // it has ended
    cuts_.push_back(std::make_shared<Cut>(strand));
    context_.tasks.Spawn(strand,
                         CallUntilCut(&context_, std::move(held), std::move(request), cuts_.back()),
                         "hook call of a kept message");
  }

  void OnCallEnded(const CallEnded& ended) {
    HeldMessage& message = messages_[ended.message];
    std::erase_if(message.calls, [&](const auto& one) { return one->call() == ended.call; });
    const HookGate::Ended& result = ended.result;
    if (!result.in_time || (cut_ && result.answer.status().code() == StatusCode::kCancelled)) {
      message.machine.OnCallNotMade(ended.call);
      return;
    }
    Effects effects = message.machine.OnHookEnded(ended.call, result.answer, result.started,
                                                  result.ended, context_.random.Chance(),
                                                  Describe(message.machine.state(), result.staged));
    const auto& invocation = message.machine.state().invocations[ended.call.invocation];
    if (effects.record && invocation.replaced)
      message.contents.push_back({invocation.id, result.staged.content});
    Take(std::move(effects), message);
  }

  // Wakes at `end`, or when another attempt of some hook is due.
  void Arm(async::SteadyClock::time_point end) {
    auto at = end;
    const Time now = context_.clock.Now();
    for (const HeldMessage& message : messages_) {
      for (const flow::InvocationState& one : message.machine.state().invocations) {
        if (one.decided || !one.next_attempt) continue;
        const auto wait = std::max<Milliseconds>(*one.next_attempt - now, Milliseconds(1));
        at = std::min(at, async::SteadyClock::now() + wait);
      }
    }
    timer_.expires_at(at);
    timer_.async_wait([events = events_, over = over_, arming = arming_,
                       number = *arming_](const boost::system::error_code& error) {
      if (error || *over || *arming != number) return;
      PENSTOCK_CHECK(events->try_send(boost::system::error_code(), Event(TimePassed{})));
    });
  }

  Context& context_;
  std::vector<HeldMessage>& messages_;
  const bool whole_;
  Time start_before_;
  bool cut_ = false;
  std::vector<std::shared_ptr<Cut>> cuts_;
  async::Timer timer_;
  std::shared_ptr<Events> events_;
  // Shared with handlers that may run when this object is gone; used on the strand only.
  std::shared_ptr<std::size_t> arming_ = std::make_shared<std::size_t>(0);  // a wait has its number
  std::shared_ptr<bool> over_ = std::make_shared<bool>(false);
};

// Where a recipient of the transaction has gone.
struct Place {
  std::size_t message = 0;
  flow::Index recipient = 0;
};

std::vector<Place> FindPlaces(const std::vector<std::string>& forward_paths,
                              const std::vector<HeldMessage>& messages) {
  std::map<std::string, Place> places;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const auto& recipients = messages[i].machine.state().recipients;
    for (flow::Index k = 0; k < recipients.size(); ++k) {
      if (!recipients[k].added) places[mail::AddressKey(recipients[k].forward_path)] = {i, k};
    }
  }
  std::vector<Place> found;
  for (const std::string& path : forward_paths) {
    const auto place = places.find(mail::AddressKey(path));
    PENSTOCK_CHECK(place != places.end());  // the intake has planned each of them
    found.push_back(place->second);
  }
  return found;
}

SmtpReply Refusal(const rules::Verdict& verdict) {
  const std::string& text = verdict.bounce_message;
  return {
      550, {5, 7, 1}, text.empty() ? "refused by a flow rule of the receiving organization" : text};
}

const std::optional<rules::Verdict>& OutcomeOf(const Place& place,
                                               const std::vector<HeldMessage>& messages) {
  return messages[place.message].machine.state().recipients[place.recipient].outcome;
}

// The one BOUNCE that is everybody's outcome.
std::optional<rules::Verdict> CommonBounce(const std::vector<HeldMessage>& messages) {
  std::optional<rules::Verdict> common;
  for (const HeldMessage& message : messages) {
    for (const flow::RecipientState& recipient : message.machine.state().recipients) {
      const bool bounced = recipient.outcome && recipient.outcome->action == Action::kBounce;
      if (!bounced || (common && *common != *recipient.outcome)) return std::nullopt;
      common = recipient.outcome;
    }
  }
  return common;
}

// The reply has told the sender: no DSN does.
void DropBounces(HeldMessage& message, Time now) {
  std::vector<flow::BouncedRecipient>& bounces = message.effects.bounces;
  if (bounces.empty()) return;
  HistoryEntry entry{.time = now, .kind = HistoryKind::kBounceSuppressed};
  for (const flow::BouncedRecipient& bounced : bounces)
    entry.recipients.push_back(message.machine.state().recipients[bounced.recipient].forward_path);
  entry.detail = "told in the reply to the client";
  bounces.clear();
  auto& history = message.effects.history;
  auto at = history.end();
  if (!history.empty() && history.back().kind == HistoryKind::kClosed) --at;
  history.insert(at, std::move(entry));
}

// The deliveries that a milter's MTA may do itself: those of the normal next hops, which bring mail
// back to it.
bool IsMtas(const flow::DeliveryState& delivery, const flow::FlowSettings& settings) {
  return delivery.content_of == flow::kNoIndex && (delivery.next_hop == settings.inbound_next_hop ||
                                                   delivery.next_hop == settings.outbound_next_hop);
}

// What all that the MTA does is marked by: its protocol has one message for all recipients.
flow::Marking CommonMarking(const std::vector<HeldMessage>& messages,
                            const flow::FlowSettings& settings) {
  std::optional<flow::Marking> common;
  for (const HeldMessage& message : messages) {
    for (const flow::StartDelivery& start : message.deliveries) {
      const auto& delivery = message.machine.state().deliveries[start.delivery];
      if (!IsMtas(delivery, settings)) continue;
      if (common && *common != delivery.marking) return flow::Marking::kNone;
      common = delivery.marking;
    }
  }
  return common.value_or(flow::Marking::kNone);
}

// It has the envelope, and tells the sender what that asks for.
SmtpReply LeftToMta() {
  SmtpReply reply{250, {2, 0, 0}, "left to the MTA"};
  reply.hand_over = mail::HandOver::kPromised;
  return reply;
}

// Leaves to the MTA what it can do; says which recipients it keeps.
void ShareWithMta(HeldMessage& message, const flow::FlowSettings& settings, Time now, MtaShare& mta,
                  std::set<std::string>& kept) {
  for (const flow::StartDelivery& start : std::exchange(message.deliveries, {})) {
    const flow::DeliveryState& delivery = message.machine.state().deliveries[start.delivery];
    if (!IsMtas(delivery, settings)) continue;
    const bool as_marked = delivery.marking == mta.marking;
    // It comes back to the MTA as a copy of its own, if something brings it back.
    if (!as_marked && !delivery.next_hop.empty()) continue;
    if (!as_marked) {
      HistoryEntry warning{.time = now, .kind = HistoryKind::kWarning};
      warning.detail =
          Cat("not marked as ", Name(delivery.marking),
              ": other recipients are not, and no next hop brings mail back to the MTA");
      message.effects.history.push_back(std::move(warning));
    }
    const std::vector<flow::Index> pending = message.machine.Pending(start.delivery);
    for (const flow::Index i : pending) {
      const flow::RecipientState& recipient = message.machine.state().recipients[i];
      kept.insert(mail::AddressKey(recipient.forward_path));
      if (recipient.added) mta.added.push_back(recipient.forward_path);
    }
    const std::vector<SmtpReply> replies(pending.size(), LeftToMta());
    Take(message.machine.OnDeliveryEnded(start, replies, now, now, 0), message);
  }
}

MtaShare TellMta(const std::vector<std::string>& forward_paths, const flow::FlowSettings& settings,
                 std::vector<HeldMessage>& messages, Time now) {
  for (HeldMessage& message : messages) {
    const bool inbound = message.machine.state().direction == rules::FlowDirection::kInbound;
    if ((inbound ? settings.inbound_next_hop : settings.outbound_next_hop).empty()) {
      Take(message.machine.FallBack("the hold is over, and no next hop brings mail back to the MTA",
                                    now),
           message);
    }
    for (bool again = true; again;) {
      Effects due = message.machine.Resume(now);
      again = due.record;
      Take(std::move(due), message);
    }
  }
  MtaShare mta;
  mta.marking = CommonMarking(messages, settings);
  std::set<std::string> kept;
  for (HeldMessage& message : messages)
    ShareWithMta(message, settings, now, mta, kept);
  for (std::size_t i = 0; i < forward_paths.size(); ++i) {
    if (!kept.contains(mail::AddressKey(forward_paths[i]))) mta.removed.push_back(i);
  }
  return mta;
}

flow::MessageMachine MakeMachine(const flow::FlowSettings& settings,
                                 flow::DirectorySnapshot directory, MessageState state) {
  auto owns_domain = [directory = std::move(directory),
                      organization = state.organization](std::string_view domain) {
    return directory->domains().OwnerOfDomain(domain) == organization;
  };
  return {std::move(state), settings, std::move(owns_domain)};
}

}  // namespace

HeldMessage::HeldMessage(const flow::FlowSettings& settings, flow::DirectorySnapshot directory,
                         flow::MessageState state, Time now)
    : HeldMessage(settings, std::move(directory), std::move(state)) {
  effects = machine.Begin(now);
}

HeldMessage::HeldMessage(const flow::FlowSettings& settings, flow::DirectorySnapshot directory,
                         flow::MessageState state)
    : machine(MakeMachine(settings, std::move(directory), std::move(state))) {}

bool HeldMessage::IsUndecided() const {
  const auto& invocations = machine.state().invocations;
  return std::any_of(invocations.begin(), invocations.end(),
                     [](const flow::InvocationState& one) { return !one.decided; });
}

asio::awaitable<void> HoldMessages(Context& context, const flow::Directory& directory,
                                   std::vector<HeldMessage>& messages, Milliseconds time,
                                   std::shared_ptr<HoldEnd> end) {
  for (const HeldMessage& message : messages) {
    if (ReadsContent(directory, message.machine.state())) co_return;
  }
  const async::Executor executor = co_await asio::this_coro::executor;
  Holding holding(context, messages, executor, false);
  if (end != nullptr) end->OnRaise(holding.Raised());
  co_await holding.Run(time);
  if (end != nullptr) end->OnRaise(nullptr);
}

asio::awaitable<void> AskHooks(Context& context, std::vector<HeldMessage>& messages,
                               Milliseconds time, std::shared_ptr<HoldEnd> end) {
  const async::Executor executor = co_await asio::this_coro::executor;
  Holding holding(context, messages, executor, true);
  end->OnRaise(holding.Raised());
  co_await holding.Run(time);
  end->OnRaise(nullptr);
}

void HoldEnd::Raise() {
  const MutexLock lock(mutex_);
  if (!std::exchange(raised_, true) && action_) action_();
}

void HoldEnd::OnRaise(std::function<void()> action) {
  const MutexLock lock(mutex_);
  action_ = std::move(action);
  if (raised_ && action_) action_();
}

HeldReply TellOutcomes(HeldSays says, const std::vector<std::string>& forward_paths,
                       const flow::FlowSettings& settings, std::vector<HeldMessage>& messages,
                       Time now) {
  HeldReply held;
  held.reply = {250, {2, 0, 0}, "accepted"};
  if (says == HeldSays::kEachReply) {
    for (const Place& place : FindPlaces(forward_paths, messages)) {
      const auto& outcome = OutcomeOf(place, messages);
      const bool bounced = outcome && outcome->action == Action::kBounce;
      held.each.push_back(bounced ? Refusal(*outcome) : held.reply);
    }
    for (HeldMessage& message : messages)
      DropBounces(message, now);
    return held;
  }
  if (says == HeldSays::kMilter) held.mta = TellMta(forward_paths, settings, messages, now);
  if (const auto bounce = CommonBounce(messages)) {
    held.reply = Refusal(*bounce);
    for (HeldMessage& message : messages)
      DropBounces(message, now);
  }
  return held;
}

}  // namespace penstock::runtime
