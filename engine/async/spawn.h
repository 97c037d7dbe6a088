// SPDX-License-Identifier: Apache-2.0
// Starts a coroutine that nobody waits for. An exception that escapes it is our own mistake and
// ends the process, with `name` in the message. TaskGroup counts what it started, so that a stop
// can wait for it.
#pragma once

#include <cstddef>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "engine/async/task.h"
#include "engine/base/mutex.h"
#include "engine/base/time.h"

namespace penstock::async {

// `name` is a string literal.
void Spawn(const Executor& executor, asio::awaitable<void> work, const char* name);

class TaskGroup {
 public:
  TaskGroup() = default;
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  // The group outlives what it spawned: whoever owns it calls WaitIdle first.
  void Spawn(const Executor& executor, asio::awaitable<void> work, const char* name);

  [[nodiscard]] std::size_t running() const;

  // Blocks the calling thread (none of the executor's) until nothing runs or `timeout` is over.
  // Returns whether nothing runs.
  bool WaitIdle(Milliseconds timeout);

 private:
  static asio::awaitable<void> Run(TaskGroup* group, asio::awaitable<void> work);
  void Finished();

  mutable Mutex mutex_;
  ConditionVariable idle_;
  std::size_t running_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace penstock::async
