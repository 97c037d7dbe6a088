// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/message_schedule.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "engine/async/deadline.h"
#include "engine/async/strand.h"
#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/base/log.h"
#include "engine/base/metrics.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/runtime/message_runner.h"

namespace penstock::runtime {

namespace asio = async::asio;

MessageSchedule::MessageSchedule(Context& context)
    : context_(context), strand_(async::MakeStrand(context.executor)), timer_(strand_) {}

async::Task<void> MessageSchedule::Load() {
  auto loaded = co_await context_.store.LoadWakes();
  PENSTOCK_CO_RETURN_IF_ERROR(loaded.status());
  const auto settings = context_.settings.Current();
  const Time now = context_.clock.Now();
  for (const ports::Wake& wake : *loaded) {
    // A longer wait there is not: the clock has been set back. The message's machine sees to it.
    const Milliseconds longest = wake.phase == flow::MessagePhase::kWaiting
                                     ? settings->hook_retry.max
                                     : settings->delivery_retry.max;
    Add(wake.message, wake.time > now + longest ? Time{} : wake.time);
  }
  co_return OkStatus();
}

void MessageSchedule::Run(flow::MessageState state, HeldCalls held) {
  const std::optional<RandomBytes> id = ParseUuid(state.id.text());
  PENSTOCK_CHECK(id.has_value());  // we made it
  InboxPtr inbox;
  {
    const MutexLock lock(mutex_);
    if (runs_.contains(*id)) return;  // an administrator was faster: his run does it all
    if (!stopped_ && context_.messages_active < limits::kMessagesActiveMax) inbox = Begin(*id);
  }
  if (inbox == nullptr) {
    Add(state.id, Time{});
    return;
  }
  context_.tasks.Spawn(async::MakeStrand(context_.executor),
                       RunState(this, *id, std::move(state), std::move(held), std::move(inbox)),
                       "message");
}

void MessageSchedule::Add(const MessageId& message, Time time) {
  const std::optional<RandomBytes> id = ParseUuid(message.text());
  if (!id) {
    Log(LogLevel::kError, "message_id_unreadable", {{"message", message.text()}});
    return;
  }
  const MutexLock lock(mutex_);
  Push(*id, time);
}

void MessageSchedule::Push(const RandomBytes& id, Time time) {
  heap_.push_back({time, id});
  std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  if (heap_.front().time == time) asio::post(strand_, [this] { StartDue(); });
}

// Takes the message's entry out of the heap, if there is one. Reads the whole heap: for what an
// administrator types, not for the way of a message.
void MessageSchedule::Remove(const RandomBytes& id) {
  const auto found = std::find_if(heap_.begin(), heap_.end(),
                                  [&id](const Entry& entry) { return entry.id == id; });
  if (found == heap_.end()) return;
  // What stands before it is a heap; as its earliest, it goes to the front, and out.
  found->time = Time::min();
  std::push_heap(heap_.begin(), found + 1, std::greater<>());
  std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
  heap_.pop_back();
}

MessageSchedule::InboxPtr MessageSchedule::Begin(const RandomBytes& id) {
  ++context_.messages_active;
  return runs_.emplace(id, std::make_shared<Inbox>()).first->second;
}

async::Task<void> MessageSchedule::Intervene(MessageId message, flow::Intervention what) {
  using Done = asio::experimental::channel<void(boost::system::error_code, Status)>;
  const std::optional<RandomBytes> id = ParseUuid(message.text());
  if (!id || FormatUuid(*id) != message.text()) {
    co_return NotFound(Cat("message ", Printable(message.text()), ": no such message"));
  }
  const async::Executor executor = co_await asio::this_coro::executor;
  auto done = std::make_shared<Done>(executor, 1);
  PendingIntervention pending;
  pending.what = std::move(what);
  pending.done = [done, executor](Status status) {
    asio::post(executor, [done, status = std::move(status)] {
      done->try_send(boost::system::error_code(), status);
    });
  };
  const Status put = Put(*id, std::move(pending));
  PENSTOCK_CO_RETURN_IF_ERROR(put);
  const auto [error, status] = co_await done->async_receive(asio::as_tuple(asio::use_awaitable));
  {
    const MutexLock lock(mutex_);
    --interventions_;
  }
  PENSTOCK_CHECK(!error);
  co_return status;
}

Status MessageSchedule::Put(const RandomBytes& id, PendingIntervention intervention) {
  InboxPtr started;
  {
    const MutexLock lock(mutex_);
    if (context_.stopping) return Unavailable("the daemon is stopping; do it again when it runs");
    if (interventions_ >= limits::kInterventionsMax) {
      return ResourceExhausted(
          Cat(interventions_, " retries and cancels are being done; try again"));
    }
    ++interventions_;
    const auto run = runs_.find(id);
    if (run != runs_.end()) {
      run->second->Put(std::move(intervention));
      return OkStatus();
    }
    // It waits in the heap, or is closed, or is none: its record tells.
    Remove(id);
    started = Begin(id);
    started->Put(std::move(intervention));
  }
  context_.tasks.Spawn(async::MakeStrand(context_.executor),
                       RunLoaded(this, id, std::move(started)), "message");
  return OkStatus();
}

void MessageSchedule::Stop() {
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
  }
  asio::post(strand_, [this] { timer_.cancel(); });
}

std::size_t MessageSchedule::waiting() const {
  const MutexLock lock(mutex_);
  return heap_.size();
}

std::size_t MessageSchedule::active() const {
  return context_.messages_active;
}

// Whether the run is over: `wake` is in the heap then. False: something has come into the inbox
// after its last look.
bool MessageSchedule::Finish(const RandomBytes& id, Inbox& inbox, std::optional<Time> wake) {
  {
    const MutexLock lock(mutex_);
    if (!context_.stopping && !inbox.empty()) return false;
    runs_.erase(id);
    --context_.messages_active;
    if (wake) Push(id, *wake);
  }
  inbox.RefuseAll(Unavailable("the daemon is stopping; do it again when it runs"));
  asio::post(strand_, [this] { StartDue(); });
  return true;
}

// On strand_. Starts what is due while there is room, and sets the timer for what is not.
void MessageSchedule::StartDue() {
  for (;;) {
    const Time now = context_.clock.Now();
    Entry entry;
    InboxPtr inbox;
    {
      const MutexLock lock(mutex_);
      if (stopped_ || heap_.empty() || context_.messages_active >= limits::kMessagesActiveMax)
        return;
      entry = heap_.front();
      if (entry.time <= now) {
        std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
        heap_.pop_back();
        if (runs_.contains(entry.id)) continue;  // its run knows when it is due again
        inbox = Begin(entry.id);
      }
    }
    if (entry.time > now) {
      Arm(entry.time);
      return;
    }
    context_.tasks.Spawn(async::MakeStrand(context_.executor),
                         RunLoaded(this, entry.id, std::move(inbox)), "message");
  }
}

// The wait is cut into pieces, so that a wall clock that jumps is noticed soon.
void MessageSchedule::Arm(Time earliest) {
  const Milliseconds wait =
      std::min<Milliseconds>(earliest - context_.clock.Now(), limits::kScheduleLookMax);
  timer_.expires_after(std::max(wait, Milliseconds(1)));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) StartDue();
  });
}

asio::awaitable<void> MessageSchedule::RunLoaded(MessageSchedule* schedule, RandomBytes id,
                                                 InboxPtr inbox) {
  MessageId message(FormatUuid(id));
  HeldCalls none;
  for (;;) {
    auto state = co_await schedule->context_.store.LoadMessage(message);
    if (state.ok()) {
      co_await RunState(schedule, id, *std::move(state), std::move(none), std::move(inbox));
      co_return;
    }
    Log(LogLevel::kError, "message_unreadable",
        {{"message", message.text()}, {"error", std::string(Message(state.status()))}});
    inbox->RefuseAll(state.status());
    std::optional<Time> wake;
    // What is damaged or gone stays so; of anything else (a disk error, too many reads) nobody else
    // would ever look again.
    if (state.status().code() != StatusCode::kDataLoss &&
        state.status().code() != StatusCode::kNotFound) {
      wake = schedule->context_.clock.Now() + limits::kScheduleLookMax;
    }
    if (schedule->Finish(id, *inbox, wake)) co_return;
  }
}

asio::awaitable<void> MessageSchedule::RunState(MessageSchedule* schedule, RandomBytes id,
                                                flow::MessageState state, HeldCalls held,
                                                InboxPtr inbox) {
  for (;;) {
    RunBounce run_bounce = [schedule](flow::MessageState bounce) {
      schedule->Run(std::move(bounce));
    };
    RunResult result = co_await RunMessage(&schedule->context_, std::move(state), std::move(held),
                                           inbox, std::move(run_bounce));
    held.clear();
    if (schedule->Finish(id, *inbox, result.wake)) co_return;
    state = std::move(result.state);
  }
}

}  // namespace penstock::runtime
