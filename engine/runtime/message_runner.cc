// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/message_runner.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <variant>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "engine/async/deadline.h"
#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/metrics.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/mail/trace_field.h"
#include "engine/runtime/bounce.h"
#include "engine/runtime/content_retention.h"
#include "engine/runtime/message_step.h"

namespace penstock::runtime {
namespace {

namespace asio = async::asio;
using flow::Effects;
using flow::HistoryEntry;
using flow::HistoryKind;
using flow::MessageState;

struct HookEnded {
  flow::StartCall call;
  HookGate::Ended result;
};

struct DeliveryEnded {
  flow::StartDelivery delivery;
  std::vector<mail::SmtpReply> replies;
  Time started;
};

// Something is in the inbox.
struct Nudged {};

using Completion = std::variant<HookEnded, DeliveryEnded, Nudged>;
using Completions = asio::experimental::channel<void(boost::system::error_code, Completion)>;

// For FairShare: a hook and a next hop may have the same name.
std::string HookDestination(const std::string& hook) {
  return Cat("hook ", hook);
}

std::string NextHopDestination(const std::string& next_hop) {
  return Cat("next hop ", next_hop);
}

asio::awaitable<void> CallHook(Context* context, std::shared_ptr<Completions> completions,
                               flow::StartCall call, HookRequest request) {
  const std::string destination = HookDestination(request.hook);
  auto result = co_await context->hooks.Call(std::move(request));
  context->share.Give(destination);
  Completion completion = HookEnded{call, std::move(result)};
  // The channel has room for everything that is started.
  PENSTOCK_CHECK(completions->try_send(boost::system::error_code(), std::move(completion)));
}

void Report(const std::vector<mail::SmtpReply>& replies, const std::string& next_hop, Time now,
            Figures& figures) {
  for (const mail::SmtpReply& reply : replies) {
    if (reply.is_transient()) return figures.Failed(next_hop, reply.ToString(), now);
  }
  figures.Succeeded(next_hop);
  figures.ForgetError(next_hop);
}

asio::awaitable<void> HandOver(Context* context, std::shared_ptr<Completions> completions,
                               flow::StartDelivery delivery, ports::DeliveryRequest request) {
  const Time started = context->clock.Now();
  const std::size_t recipients = request.forward_paths.size();
  const std::string next_hop = request.next_hop;
  context->next_hops.Runs(next_hop, 1);
  auto replies = co_await context->delivery.Deliver(std::move(request));
  context->next_hops.Runs(next_hop, -1);
  context->share.Give(NextHopDestination(next_hop));
  Report(replies, next_hop, context->clock.Now(), context->next_hops);
  PENSTOCK_CHECK(replies.size() == recipients);
  Completion completion = DeliveryEnded{delivery, std::move(replies), started};
  PENSTOCK_CHECK(completions->try_send(boost::system::error_code(), std::move(completion)));
}

HookRequest ToRequest(Context& context, const flow::MessageMachine& machine,
                      const flow::StartCall& call) {
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
  request.desk = &context.content;
  request.content = state.content;
  request.content_until = state.received + context.content.retention();
  return request;
}

// What goes in the place of what was received; null: that does.
const flow::ReplacedContent* ReplacedContentOf(const MessageState& state,
                                               const flow::DeliveryState& delivery) {
  if (delivery.content_of == flow::kNoIndex) return nullptr;
  return &*state.invocations[delivery.content_of].replaced;
}

ports::DeliveryRequest ToRequest(const Context& context, const flow::MessageMachine& machine,
                                 const flow::StartDelivery& start,
                                 std::shared_ptr<ports::ContentReader> content) {
  const MessageState& state = machine.state();
  const flow::DeliveryState& delivery = state.deliveries[start.delivery];
  mail::TraceField trace;
  trace.client = state.client;
  trace.by = {context.hostname, state.organization, std::string(Name(state.direction))};
  trace.with = state.client.with;
  trace.id = state.id.text();
  trace.date = state.received;
  ports::DeliveryRequest request;
  request.next_hop = delivery.next_hop;
  request.message = state.id;
  request.reverse_path = state.reverse_path;
  for (const flow::Index i : machine.Pending(start.delivery)) {
    const flow::RecipientState& recipient = state.recipients[i];
    request.forward_paths.push_back(recipient.forward_path);
    request.owned.push_back(state.direction == rules::FlowDirection::kInbound &&
                            !recipient.foreign);
    request.recipients_dsn.push_back(recipient.dsn);
  }
  request.dsn = state.dsn;
  if (!state.is_bounce) request.client = state.client;
  request.smtputf8 = state.smtputf8;
  request.body_8bit = state.body_8bit;
  if (const flow::ReplacedContent* replaced = ReplacedContentOf(state, delivery)) {
    const auto is_eight_bit = [](const std::string& path) { return !IsAscii(path); };
    request.smtputf8 =
        replaced->smtputf8 || is_eight_bit(request.reverse_path) ||
        std::any_of(request.forward_paths.begin(), request.forward_paths.end(), is_eight_bit);
    request.body_8bit = replaced->body_8bit;
  }
  request.marking = delivery.marking;
  request.trace_field = ReceivedField(trace);
  request.content = std::move(content);
  return request;
}

Status Stopping() {
  return Unavailable("the daemon is stopping; do it again when it runs");
}

class Runner {
 public:
  Runner(Context* context, MessageState&& state, HeldCalls&& held,
         std::shared_ptr<Completions> completions, std::shared_ptr<Inbox> inbox,
         RunBounce run_bounce)
      : context_(*context),
        directory_(context->directory.Current()),
        settings_(context->settings.Current()),
        held_(std::move(held)),
        completions_(std::move(completions)),
        inbox_(std::move(inbox)),
        run_bounce_(std::move(run_bounce)),
        machine_(std::move(state), *settings_, OwnsDomain()),
        withdrawn_(machine_.state().invocations.size()) {}

  asio::awaitable<RunResult> Run() {
    inbox_->SetNudge(Nudge());
    for (;;) {
      if (!co_await Attend()) break;
      if (!context_.stopping) {
        Effects effects = machine_.Resume(context_.clock.Now());
        if (effects.record && !co_await Record(effects)) break;
        Start(effects);
        if (effects.record) continue;  // what it decided is due now
      }
      if (running_ == 0) break;
      auto [error, completion] =
          co_await completions_->async_receive(asio::as_tuple(asio::use_awaitable));
      PENSTOCK_CHECK(!error);
      if (std::holds_alternative<Nudged>(completion)) {
        *nudged_ = false;
        continue;
      }
      --running_;
      Effects effects = Take(completion);
      if (effects.record && !co_await Record(effects)) break;
    }
    inbox_->SetNudge({});
    const auto wake = WakeTime();
    co_return RunResult{std::move(machine_).TakeState(), wake};
  }

 private:
  // H10, by the organization as it is when the run starts.
  std::function<bool(std::string_view)> OwnsDomain() {
    return [this](std::string_view domain) {
      return directory_->domains().OwnerOfDomain(domain) == machine_.state().organization;
    };
  }

  // Wakes the run; at most one Nudged is in the channel, which has room for it.
  std::function<void()> Nudge() {
    return [completions = completions_, nudged = nudged_] {
      asio::post(completions->get_executor(), [completions, nudged] {
        if (std::exchange(*nudged, true)) return;
        PENSTOCK_CHECK(completions->try_send(boost::system::error_code(), Completion(Nudged{})));
      });
    };
  }

  // Does what administrators want, before anything else is started. False: as of Record.
  asio::awaitable<bool> Attend() {
    for (PendingIntervention& pending : inbox_->Take()) {
      if (unrecorded_) {
        pending.done(Stopping());
        continue;
      }
      const auto effects = machine_.Intervene(pending.what, context_.clock.Now());
      if (!effects.ok()) {
        pending.done(effects.status());
        continue;
      }
      FreezeDecided();
      unrecorded_ = !co_await Record(*effects);
      pending.done(unrecorded_ ? Stopping() : OkStatus());
    }
    co_return !unrecorded_;
  }

  // What hooks put from now on, in calls that are late already, would not count; a call that waits
  // for its turn is not made any more.
  void FreezeDecided() {
    for (flow::Index i = 0; i < withdrawn_.size(); ++i) {
      const flow::InvocationState& invocation = machine_.state().invocations[i];
      if (!invocation.decided) continue;
      if (withdrawn_[i] != nullptr) *withdrawn_[i] = true;
      context_.content.Freeze(invocation.id);
    }
  }

  Effects TakeAnswer(const HookEnded& hook) {
    const HookGate::Ended& result = hook.result;
    Effects effects =
        machine_.OnHookEnded(hook.call, result.answer, result.started, result.ended,
                             context_.random.Chance(), Describe(machine_.state(), result.staged));
    const flow::InvocationState& invocation = machine_.state().invocations[hook.call.invocation];
    if (effects.record && invocation.replaced) {
      accepted_ = result.staged.content;
      accepted_from_ = invocation.id;
    }
    return effects;
  }

  Effects Take(const Completion& completion) {
    if (const auto* hook = std::get_if<HookEnded>(&completion)) {
      if (!hook->result.in_time) {
        machine_.OnCallNotMade(hook->call);
        return {};
      }
      return TakeAnswer(*hook);
    }
    const auto& delivery = std::get<DeliveryEnded>(completion);
    return machine_.OnDeliveryEnded(delivery.delivery, delivery.replies, delivery.started,
                                    context_.clock.Now(), context_.random.Chance());
  }

  void Start(const Effects& effects) {
    for (const flow::StartCall& call : effects.calls) {
      if (TakeOver(call)) continue;
      const std::string& hook = machine_.state().invocations[call.invocation].hook;
      if (const auto pause = Take(HookDestination(hook))) {
        turned_back_calls_.emplace_back(call.invocation, context_.clock.Now() + *pause);
        continue;
      }
      ++running_;
      HookRequest request = ToRequest(context_, machine_, call);
      request.withdrawn = withdrawn_[call.invocation] = std::make_shared<std::atomic<bool>>(false);
      context_.tasks.Spawn(completions_->get_executor(),
                           CallHook(&context_, completions_, call, std::move(request)),
                           "hook call");
    }
    if (effects.deliveries.empty()) return;
    std::map<ContentId, StatusOr<std::shared_ptr<ports::ContentReader>>> contents;
    for (const flow::StartDelivery& delivery : effects.deliveries) {
      const flow::DeliveryState& started = machine_.state().deliveries[delivery.delivery];
      const flow::ReplacedContent* replaced = ReplacedContentOf(machine_.state(), started);
      const ContentId& id = replaced != nullptr ? replaced->id : machine_.state().content;
      auto content = contents.find(id);
      if (content == contents.end()) {
        content = contents.emplace(id, context_.store.OpenContent(id)).first;
      }
      if (!content->second.ok()) {
        ++running_;
        RefuseUnreadable(delivery, content->second.status());
        continue;
      }
      const std::string& next_hop = started.next_hop;
      if (const auto pause = Take(NextHopDestination(next_hop))) {
        turned_back_deliveries_.emplace_back(delivery.delivery, context_.clock.Now() + *pause);
        continue;
      }
      ++running_;
      context_.tasks.Spawn(completions_->get_executor(),
                           HandOver(&context_, completions_, delivery,
                                    ToRequest(context_, machine_, delivery, *content->second)),
                           "delivery");
    }
  }

  // Whether a call that began while the reply was held is this one: waits for its end then.
  bool TakeOver(const flow::StartCall& call) {
    const auto held = std::find_if(held_.begin(), held_.end(),
                                   [&](const auto& one) { return one->call() == call; });
    if (held == held_.end()) return false;
    ++running_;
    (*held)->SetOnEnd([completions = completions_, call](HookGate::Ended result) {
      asio::post(completions->get_executor(), [completions, call, result = std::move(result)] {
        PENSTOCK_CHECK(completions->try_send(boost::system::error_code(),
                                             Completion(HookEnded{call, result})));
      });
    });
    held_.erase(held);
    return true;
  }

  std::optional<Milliseconds> Take(const std::string& destination) {
    const std::size_t active = context_.messages_active;
    return context_.share.Take(
        destination, limits::kMessagesActiveMax - std::min(active, limits::kMessagesActiveMax));
  }

  // When something is due again. What was turned back is due at once by its state, which it leaves
  // as it is: it comes again after its pause, and not after the rule timeout (H3).
  std::optional<Time> WakeTime() {
    if (turned_back_calls_.empty() && turned_back_deliveries_.empty()) {
      return flow::WakeTime(machine_.state());
    }
    MessageState later = machine_.state();
    for (const auto& [i, time] : turned_back_calls_) {
      flow::InvocationState& invocation = later.invocations[i];
      invocation.next_attempt = std::min(time, invocation.deadline.value_or(time));
    }
    for (const auto& [i, time] : turned_back_deliveries_)
      later.deliveries[i].next_attempt = time;
    return flow::WakeTime(later);
  }

  // Content that cannot be read now may be readable later: nothing is given up before it expires.
  void RefuseUnreadable(const flow::StartDelivery& delivery, const Status& status) {
    const mail::SmtpReply reply = {
        451, {4, 3, 0}, Cat("content cannot be read: ", Message(status))};
    Log(LogLevel::kError, "content_unreadable",
        {{"message", machine_.state().id.text()}, {"error", reply.text}});
    Completion completion = DeliveryEnded{
        delivery, std::vector<mail::SmtpReply>(machine_.Pending(delivery.delivery).size(), reply),
        context_.clock.Now()};
    PENSTOCK_CHECK(completions_->try_send(boost::system::error_code(), std::move(completion)));
  }

  // Commits what the machine decided, again and again while the disk refuses: nothing goes on
  // before it is durable. False: the process stops first; the next start goes on from before.
  asio::awaitable<bool> Record(const Effects& effects) {
    for (std::size_t tries = 0;; ++tries) {
      const Status status = co_await TryRecord(effects);
      if (status.ok()) {
        accepted_.reset();
        co_return true;
      }
      if (tries % limits::kCommitFailuresALine == 0) {
        Log(LogLevel::kError, "commit_failed",
            {{"message", machine_.state().id.text()}, {"error", std::string(Message(status))}});
      }
      if (context_.stopping) co_return false;
      const Status slept = co_await async::Sleep(limits::kCommitRetry);
      if (!slept.ok()) co_return false;
    }
  }

  async::Task<void> TryRecord(const Effects& effects) {
    std::string original;
    if (!effects.bounces.empty()) {
      // A bounce without the original's header section is better than none.
      const auto content = context_.store.OpenContent(machine_.state().content);
      if (content.ok()) original = ReadOriginal(**content).value_or("");
    }
    std::vector<MessageState> bounces;
    auto transaction = StepTransaction(context_, machine_.state(), effects, original,
                                       context_.clock.Now(), bounces);
    PENSTOCK_CO_RETURN_IF_ERROR(transaction.status());
    AddContent(*transaction);
    // A bounce adds a line to those of the step.
    std::vector<HistoryEntry> with_bounce;
    if (!bounces.empty()) with_bounce = transaction->messages.front().history;
    const Status committed = co_await context_.store.Commit(*std::move(transaction));
    PENSTOCK_CO_RETURN_IF_ERROR(committed);
    ReportStep(context_, machine_.state(), bounces.empty() ? effects.history : with_bounce);
    // At once: this run may last, and its end is not what the sender waits for.
    for (MessageState& bounce : bounces)
      run_bounce_(std::move(bounce));
    co_return OkStatus();
  }

  // What an accepted answer came with (M2), and what stays readable when the message closes (M5).
  void AddContent(ports::Transaction& transaction) {
    const MessageState& state = machine_.state();
    const Milliseconds retention = context_.content.retention();
    if (accepted_ != nullptr) {
      transaction.contents.push_back(accepted_);
      transaction.retained.push_back(Retain(state, accepted_from_, accepted_->id(), retention));
    }
    // A hook that has come to see it after the message was accepted.
    if (state.retained || state.is_bounce || Phase(state) != flow::MessagePhase::kClosed) return;
    if (!IsForHooks(state, *context_.directory.Current())) return;
    transaction.messages.front().state.retained = true;
    transaction.retained.push_back(Retain(state, InvocationId(), state.content, retention));
  }

  Context& context_;
  flow::DirectorySnapshot directory_;
  std::shared_ptr<const flow::FlowSettings> settings_;
  HeldCalls held_;  // not taken over yet
  std::shared_ptr<Completions> completions_;
  std::shared_ptr<Inbox> inbox_;
  RunBounce run_bounce_;
  std::shared_ptr<bool> nudged_ = std::make_shared<bool>(false);  // on the strand
  bool unrecorded_ = false;  // the machine is ahead of the store, and the process stops
  flow::MessageMachine machine_;
  std::size_t running_ = 0;
  std::vector<std::shared_ptr<std::atomic<bool>>> withdrawn_;  // of the last call, by invocation
  std::shared_ptr<ports::ContentWriter> accepted_;  // to be committed with the answer it came with
  InvocationId accepted_from_;
  // With the time to ask again; the machine takes them as running until this run ends.
  std::vector<std::pair<flow::Index, Time>> turned_back_calls_;
  std::vector<std::pair<flow::Index, Time>> turned_back_deliveries_;
};

}  // namespace

asio::awaitable<RunResult> RunMessage(Context* context, MessageState state, HeldCalls held,
                                      std::shared_ptr<Inbox> inbox, RunBounce run_bounce) {
  // One call for each invocation and one delivery for each group can run at a time; a hook's answer
  // makes at most one group for each outcome. And one Nudged.
  const std::size_t room = state.invocations.size() + state.deliveries.size() +
                           state.recipients.size() + limits::kAnswerActionsMax + 1;
  auto completions = std::make_shared<Completions>(co_await asio::this_coro::executor, room);
  Runner runner(context, std::move(state), std::move(held), std::move(completions),
                std::move(inbox), std::move(run_bounce));
  co_return co_await runner.Run();
}

}  // namespace penstock::runtime
