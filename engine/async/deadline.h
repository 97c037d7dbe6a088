// SPDX-License-Identifier: Apache-2.0
// Waiting, and waiting no longer than.
#pragma once

#include <chrono>
#include <utility>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "engine/async/task.h"
#include "engine/async/timer.h"
#include "engine/base/time.h"

namespace penstock::async {

// Returns after `duration`, or earlier with `kCancelled`.
asio::awaitable<Status> Sleep(SteadyClock::duration duration);

// Runs `work`; cancels it after `duration` and returns kDeadlineExceeded, "`what` took longer than
// 15s". `what` is a string literal.
template <class T>
Task<T> WithDeadline(Task<T> work, Milliseconds duration, const char* what);

// ---- implementation

Status DeadlineError(Milliseconds duration, const char* what);

template <class T>
Task<T> WithDeadline(Task<T> work, Milliseconds duration, const char* what) {
  using asio::experimental::awaitable_operators::operator||;
  Timer timer(co_await asio::this_coro::executor, duration);
  auto wait = timer.async_wait(asio::use_awaitable);
  auto either = std::move(work) || std::move(wait);
  auto result = co_await std::move(either);
  if (result.index() == 0) co_return std::get<0>(std::move(result));
  co_return DeadlineError(duration, what);
}

}  // namespace penstock::async
