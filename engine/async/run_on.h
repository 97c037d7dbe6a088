// SPDX-License-Identifier: Apache-2.0
// Runs a coroutine on another executor than the caller's.
#pragma once

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "engine/async/task.h"

namespace penstock::async {

// Runs `work` on `executor`, awaits its end, and resumes on the caller's own executor. Cancelling
// the caller cancels `work`. What `work` refers to outlives it.
template <class T>
asio::awaitable<T> RunOn(Executor executor, asio::awaitable<T> work) {
  co_return co_await asio::co_spawn(executor, std::move(work), asio::use_awaitable);
}

}  // namespace penstock::async
