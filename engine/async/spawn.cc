// SPDX-License-Identifier: Apache-2.0
#include "engine/async/spawn.h"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <utility>

#include <boost/asio/co_spawn.hpp>

namespace penstock::async {

void Spawn(const Executor& executor, asio::awaitable<void> work, const char* name) {
  asio::co_spawn(executor, std::move(work), [name](const std::exception_ptr& error) {
    if (!error) return;
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& exception) {
      std::fprintf(stderr, "coroutine %s: %s\n", name, exception.what());
    } catch (...) {
      std::fprintf(stderr, "coroutine %s: an exception of no known type\n", name);
    }
    std::abort();
  });
}

void TaskGroup::Spawn(const Executor& executor, asio::awaitable<void> work, const char* name) {
  {
    const MutexLock lock(mutex_);
    ++running_;
  }
  async::Spawn(executor, Run(this, std::move(work)), name);
}

asio::awaitable<void> TaskGroup::Run(TaskGroup* group, asio::awaitable<void> work) {
  co_await std::move(work);
  group->Finished();
}

std::size_t TaskGroup::running() const {
  const MutexLock lock(mutex_);
  return running_;
}

void TaskGroup::Finished() {
  const MutexLock lock(mutex_);
  // Notified under the lock: the waiter may destroy the group as soon as it has it.
  if (--running_ == 0) idle_.notify_all();
}

bool TaskGroup::WaitIdle(Milliseconds timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  const MutexLock lock(mutex_);
  while (running_ != 0) {
    if (idle_.wait_until(mutex_, until) == std::cv_status::timeout) return running_ == 0;
  }
  return true;
}

}  // namespace penstock::async
