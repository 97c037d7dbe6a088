// SPDX-License-Identifier: Apache-2.0
// Sends the durable events of ASYNC hooks (H12): one worker a hook that has any, so that a hook
// that is down or slow holds up neither mail nor another hook's events. At least once; then the
// dead-letter list.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>

#include <boost/asio/cancellation_signal.hpp>

#include "engine/async/task.h"
#include "engine/async/timer.h"
#include "engine/base/mutex.h"
#include "engine/runtime/context.h"

namespace penstock::runtime {

// Threads: safe from any.
class AsyncWorkers {
 public:
  // `context` outlives it, and so does every worker (Context::tasks).
  explicit AsyncWorkers(Context& context);

  // Whether events wait or are sent.
  [[nodiscard]] bool busy() const;

  // Takes up what an earlier run of the process left.
  async::Task<void> Load();

  // Events for `hook` have been committed.
  void Notify(const std::string& hook);

  // Starts nothing any more; calls that run come to their end, or to CancelCalls.
  void Stop();

  // After Stop: ends the calls that run. Their events are sent again at the next start, under the
  // same attempt number (H12: at least once).
  void CancelCalls();

 private:
  struct Worker {
    Worker(std::string hook_name, const async::Executor& executor)
        : hook(std::move(hook_name)), timer(executor) {}

    const std::string hook;
    async::Timer timer;                                 // used on the worker's strand
    std::list<async::asio::cancellation_signal> calls;  // that run; used on the worker's strand
    bool notified = false;   // under mutex_: look again before going to sleep or ending
    bool unsettled = false;  // on the worker's strand: a commit has failed
  };

  using WorkerPtr = std::shared_ptr<Worker>;

  static async::asio::awaitable<void> Work(AsyncWorkers* workers, WorkerPtr worker);
  async::asio::awaitable<void> SendDue(WorkerPtr worker,
                                       const std::vector<ports::AsyncEvent>& events);
  async::asio::awaitable<void> Send(WorkerPtr worker, ports::AsyncEvent event);
  async::asio::awaitable<bool> Settle(ports::AsyncEvent event, HookGate::Ended ended);
  bool TakeNotice(Worker& worker);
  bool EndIfIdle(Worker& worker);

  Context& context_;
  mutable Mutex mutex_;
  std::map<std::string, WorkerPtr> workers_ ABSL_GUARDED_BY(mutex_);  // of hooks with events
};

}  // namespace penstock::runtime
