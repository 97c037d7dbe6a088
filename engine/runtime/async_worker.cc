// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/async_worker.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "engine/async/run_on.h"
#include "engine/async/strand.h"
#include "engine/base/log.h"
#include "engine/base/metrics.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/flow/backoff.h"

namespace penstock::runtime {

namespace asio = async::asio;

namespace {

// When `event` is due. H12's waits have no jitter: a longer one was written under a clock that has
// been set back since, over a restart.
Time DueTime(const ports::AsyncEvent& event, Time now) {
  const Milliseconds longest =
      Backoff(flow::kAsyncRetry, static_cast<int>(event.attempts_ended), 0);
  return event.next_attempt > now + longest ? now : event.next_attempt;
}

// What came of `attempt`, after which `event` is as it goes on record.
TailLine LineOf(const ports::AsyncEvent& event, const flow::HistoryEntry& attempt) {
  TailLine line = TailLineOf(attempt);
  line.organization = event.organization;
  line.direction = event.event.direction;
  line.message = event.event.message_id;
  line.invocation = event.event.invocation_id;
  line.mode = rules::InvocationMode::kAsync;
  if (event.dead) {
    line.result = TailLine::Result::kDeadLetter;
  } else if (line.result == TailLine::Result::kRetry) {
    line.next_attempt = event.next_attempt;
  }
  return line;
}

}  // namespace

AsyncWorkers::AsyncWorkers(Context& context) : context_(context) {}

bool AsyncWorkers::busy() const {
  const MutexLock lock(mutex_);
  return !workers_.empty();
}

async::Task<void> AsyncWorkers::Load() {
  auto counts = co_await context_.store.CountAsyncEvents();
  PENSTOCK_CO_RETURN_IF_ERROR(counts.status());
  for (const ports::AsyncQueueCounts& count : *counts) {
    if (count.queued > 0) Notify(count.hook);
  }
  co_return OkStatus();
}

void AsyncWorkers::Notify(const std::string& hook) {
  const MutexLock lock(mutex_);
  if (context_.stopping) return;
  WorkerPtr& worker = workers_[hook];
  if (worker != nullptr) {
    worker->notified = true;
    asio::post(worker->timer.get_executor(), [worker] { worker->timer.cancel(); });
    return;
  }
  const async::Executor strand = async::MakeStrand(context_.executor);
  worker = std::make_shared<Worker>(hook, strand);
  context_.tasks.Spawn(strand, Work(this, worker), "async hook");
}

void AsyncWorkers::Stop() {
  const MutexLock lock(mutex_);
  for (const auto& [hook, worker] : workers_) {
    asio::post(worker->timer.get_executor(), [worker = worker] { worker->timer.cancel(); });
  }
}

void AsyncWorkers::CancelCalls() {
  const MutexLock lock(mutex_);
  for (const auto& [hook, worker] : workers_) {
    asio::post(worker->timer.get_executor(), [worker = worker] {
      for (asio::cancellation_signal& call : worker->calls)
        call.emit(asio::cancellation_type::terminal);
    });
  }
}

asio::awaitable<void> AsyncWorkers::Work(AsyncWorkers* workers, WorkerPtr worker) {
  Context& context = workers->context_;
  while (!context.stopping) {
    auto events = co_await context.store.LoadAsyncEvents(worker->hook, limits::kAsyncBatch);
    Milliseconds pause = limits::kCommitRetry;
    if (!events.ok()) {
      Log(LogLevel::kError, "async_queue_unreadable",
          {{"hook", worker->hook}, {"error", std::string(Message(events.status()))}});
    } else if (events->empty()) {
      if (workers->EndIfIdle(*worker)) co_return;
      continue;
    } else if (const Time now = context.clock.Now(); DueTime(events->front(), now) <= now) {
      co_await workers->SendDue(worker, *events);
      // While the disk refuses what came of them, the hook is not asked again and again.
      if (!std::exchange(worker->unsettled, false)) continue;
    } else {
      pause = std::min<Milliseconds>(events->front().next_attempt - now, limits::kScheduleLookMax);
    }
    // Stop sets `stopping` before it cancels the timer, so no cancellation can fall between this
    // look and the wait.
    if (context.stopping || workers->TakeNotice(*worker)) continue;
    worker->timer.expires_after(pause);
    std::ignore = co_await worker->timer.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  std::ignore = workers->EndIfIdle(*worker);
}

// Whether something was queued since the last look.
bool AsyncWorkers::TakeNotice(Worker& worker) {
  const MutexLock lock(mutex_);
  return std::exchange(worker.notified, false);
}

// Takes the worker off the list, unless something was queued since its last look.
bool AsyncWorkers::EndIfIdle(Worker& worker) {
  const MutexLock lock(mutex_);
  if (std::exchange(worker.notified, false)) return false;
  workers_.erase(worker.hook);
  return true;
}

// Sends all that is due, side by side as far as the hook's limit allows, and returns when each is
// settled.
asio::awaitable<void> AsyncWorkers::SendDue(WorkerPtr worker,
                                            const std::vector<ports::AsyncEvent>& events) {
  using Done = asio::experimental::channel<void(boost::system::error_code)>;
  const async::Executor executor = co_await asio::this_coro::executor;
  auto done = std::make_shared<Done>(executor, events.size());
  const Time now = context_.clock.Now();
  std::size_t started = 0;
  const auto send = [](AsyncWorkers* workers, WorkerPtr of, ports::AsyncEvent event,
                       std::shared_ptr<Done> finished) -> asio::awaitable<void> {
    co_await workers->Send(std::move(of), std::move(event));
    finished->try_send(boost::system::error_code());
  };
  for (const ports::AsyncEvent& event : events) {
    if (DueTime(event, now) > now) break;
    context_.tasks.Spawn(executor, send(this, worker, event, done), "async event");
    ++started;
  }
  for (; started > 0; --started) {
    std::ignore = co_await done->async_receive(asio::as_tuple(asio::use_awaitable));
  }
}

asio::awaitable<void> AsyncWorkers::Send(WorkerPtr worker, ports::AsyncEvent event) {
  HookRequest request;
  request.hook = event.hook;
  request.organization = event.organization;
  request.rule = event.rule;
  request.mode = rules::InvocationMode::kAsync;
  request.attempt = event.attempts_ended + 1;
  request.event = event.event;
  request.desk = &context_.content;
  const auto signal = worker->calls.emplace(worker->calls.end());
  auto call = context_.hooks.Call(std::move(request));
  HookGate::Ended ended = co_await async::RunCancellable(*signal, std::move(call));
  worker->calls.erase(signal);
  // A call cut off by a stop is repeated at the next start (H12: at least once).
  if (ended.answer.status().code() == StatusCode::kCancelled && context_.stopping) co_return;
  const bool settled = co_await Settle(std::move(event), std::move(ended));
  if (!settled) worker->unsettled = true;
}

// False: it is not on disk.
asio::awaitable<bool> AsyncWorkers::Settle(ports::AsyncEvent event, HookGate::Ended ended) {
  const flow::DirectorySnapshot directory = context_.directory.Current();
  const auto hook = directory->FindHook(event.hook);
  const int retries = hook == nullptr ? limits::kAsyncRetriesDefault : hook->async_retries;
  const Status& status = ended.answer.status();
  ++event.attempts_ended;

  flow::HistoryEntry entry{.time = ended.ended, .kind = flow::HistoryKind::kAsyncAttempt};
  entry.rule = event.rule;
  entry.hook = event.hook;
  entry.attempt = event.attempts_ended;
  entry.duration = ended.ended - ended.started;
  entry.code = CodeName(status.code());
  entry.detail = Message(status);
  std::vector<flow::HistoryEntry> history;
  history.push_back(std::move(entry));

  ports::Transaction transaction;
  const MessageId message = event.event.message_id;
  if (status.ok()) {
    transaction.done_async_events.push_back(event.id);
  } else {
    event.last_error = Cat(CodeName(status.code()), ": ", Message(status));
    event.dead = event.attempts_ended > static_cast<std::uint32_t>(retries);
    event.next_attempt = ended.ended;
    if (!event.dead) {
      event.next_attempt += Backoff(flow::kAsyncRetry, static_cast<int>(event.attempts_ended), 0);
    } else {
      flow::HistoryEntry dead{.time = ended.ended, .kind = flow::HistoryKind::kAsyncDeadLetter};
      dead.rule = event.rule;
      dead.hook = event.hook;
      dead.detail = event.last_error;
      history.push_back(std::move(dead));
      Count(metrics::kDeadLetters, {{"hook", event.hook}});
    }
  }
  std::optional<TailLine> line;
  if (context_.hooks.tail().watched()) line = LineOf(event, history.front());
  if (!status.ok()) transaction.changed_async_events.push_back(std::move(event));
  transaction.history.push_back({message, std::move(history)});
  const Status committed = co_await context_.store.Commit(std::move(transaction));
  if (!committed.ok()) {
    // The event stays as it was and is sent again: at least once.
    Log(LogLevel::kError, "commit_failed",
        {{"message", message.text()}, {"error", std::string(Message(committed))}});
  } else if (line) {
    context_.hooks.tail().Tell(*std::move(line));
  }
  co_return committed.ok();
}

}  // namespace penstock::runtime
