// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/message_schedule.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include <boost/asio/post.hpp>

#include "engine/async/deadline.h"
#include "engine/base/log.h"
#include "engine/base/metrics.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/runtime/message_runner.h"

namespace penstock::runtime {

namespace asio = async::asio;

MessageSchedule::MessageSchedule(Context& context)
    : context_(context), strand_(asio::make_strand(context.executor)), timer_(strand_) {}

async::Task<void> MessageSchedule::Load() {
  auto loaded = co_await context_.store.LoadWakes();
  PENSTOCK_CO_RETURN_IF_ERROR(loaded.status());
  for (const ports::Wake& wake : *loaded)
    Add(wake.message, wake.time);
  co_return OkStatus();
}

void MessageSchedule::Run(flow::MessageState state) {
  if (TakeRoom()) {
    context_.tasks.Spawn(asio::make_strand(context_.executor), RunState(this, std::move(state)),
                         "message");
  } else {
    Add(state.id, Time{});
  }
}

void MessageSchedule::Add(const MessageId& message, Time time) {
  const std::optional<RandomBytes> id = ParseUuid(message.text());
  if (!id) {
    Log(LogLevel::kError, "message_id_unreadable", {{"message", message.text()}});
    return;
  }
  bool is_earliest = false;
  {
    const MutexLock lock(mutex_);
    heap_.push_back({time, *id});
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
    is_earliest = heap_.front().time == time;
  }
  if (is_earliest) asio::post(strand_, [this] { StartDue(); });
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

bool MessageSchedule::TakeRoom() {
  const MutexLock lock(mutex_);
  if (stopped_ || context_.messages_active >= limits::kMessagesActiveMax) return false;
  ++context_.messages_active;
  return true;
}

void MessageSchedule::Finished() {
  {
    const MutexLock lock(mutex_);
    --context_.messages_active;
  }
  asio::post(strand_, [this] { StartDue(); });
}

// On strand_. Starts what is due while there is room, and sets the timer for what is not.
void MessageSchedule::StartDue() {
  for (;;) {
    const Time now = context_.clock.Now();
    Entry entry;
    {
      const MutexLock lock(mutex_);
      if (stopped_ || heap_.empty() || context_.messages_active >= limits::kMessagesActiveMax)
        return;
      entry = heap_.front();
      if (entry.time <= now) {
        std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
        heap_.pop_back();
        ++context_.messages_active;
      }
    }
    if (entry.time > now) {
      Arm(entry.time);
      return;
    }
    context_.tasks.Spawn(asio::make_strand(context_.executor),
                         RunLoaded(this, MessageId(FormatUuid(entry.id))), "message");
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

asio::awaitable<void> MessageSchedule::RunLoaded(MessageSchedule* schedule, MessageId id) {
  auto state = co_await schedule->context_.store.LoadMessage(id);
  if (state.ok()) {
    co_await RunState(schedule, *std::move(state));
    co_return;
  }
  Log(LogLevel::kError, "message_unreadable",
      {{"message", id.text()}, {"error", std::string(Message(state.status()))}});
  if (state.status().code() == StatusCode::kUnavailable) {
    schedule->Add(id, schedule->context_.clock.Now() + limits::kScheduleLookMax);
  }
  schedule->Finished();
}

asio::awaitable<void> MessageSchedule::RunState(MessageSchedule* schedule,
                                                flow::MessageState state) {
  const MessageId id = state.id;
  RunResult result = co_await RunMessage(&schedule->context_, std::move(state));
  for (flow::MessageState& bounce : result.bounces)
    schedule->Run(std::move(bounce));
  if (result.wake) schedule->Add(id, *result.wake);
  schedule->Finished();
}

}  // namespace penstock::runtime
