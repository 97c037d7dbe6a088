// SPDX-License-Identifier: Apache-2.0
// Sends the durable events of ASYNC hooks (H12): one worker a hook that has any, so that a hook
// that is down or slow holds up neither mail nor another hook's events. At least once; then the
// dead-letter list.
#pragma once

#include <memory>
#include <set>
#include <string>

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

  // Takes up what an earlier run of the process left.
  async::Task<void> Load();

  // Events for `hook` have been committed.
  void Notify(const std::string& hook);

  // Starts nothing any more; calls that run come to their end.
  void Stop();

 private:
  struct Worker {
    Worker(std::string hook_name, const async::Executor& executor)
        : hook(std::move(hook_name)), timer(executor) {}

    const std::string hook;
    async::Timer timer;     // used on the worker's strand
    bool notified = false;  // under mutex_: look again before going to sleep or ending
  };

  using WorkerPtr = std::shared_ptr<Worker>;

  static async::asio::awaitable<void> Work(AsyncWorkers* workers, WorkerPtr worker);
  async::asio::awaitable<void> SendDue(const std::vector<ports::AsyncEvent>& events);
  async::asio::awaitable<void> Send(ports::AsyncEvent event);
  async::asio::awaitable<void> Settle(ports::AsyncEvent event, HookGate::Ended ended);
  bool TakeNotice(Worker& worker);
  bool EndIfIdle(Worker& worker);

  Context& context_;
  Mutex mutex_;
  std::map<std::string, WorkerPtr> workers_ ABSL_GUARDED_BY(mutex_);  // of hooks with events
};

}  // namespace penstock::runtime
