// SPDX-License-Identifier: Apache-2.0
// Runs a coroutine on another executor than the caller's, or so that it alone can be cancelled.
#pragma once

#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "engine/async/task.h"

namespace penstock::async {

// Runs `work` on `executor`, awaits its end, and resumes on the caller's own executor. Cancelling
// the caller cancels `work`. What `work` refers to outlives it.
template <class T>
asio::awaitable<T> RunOn(Executor executor, asio::awaitable<T> work) {
  co_return co_await asio::co_spawn(executor, std::move(work), asio::use_awaitable);
}

// Runs `work` on the caller's executor and awaits its end; `signal`, emitted there, cancels it and
// not the caller. No exception comes of that, wherever it finds `work`: what it awaits then ends as
// cancelled. Both outlive it.
template <class T>
asio::awaitable<T> RunCancellable(asio::cancellation_signal& signal, asio::awaitable<T> work) {
  const Executor executor = co_await asio::this_coro::executor;
  const auto guarded = [](asio::awaitable<T> inner) -> asio::awaitable<T> {
    co_await asio::this_coro::throw_if_cancelled(false);
    co_return co_await std::move(inner);
  };
  auto token = asio::bind_cancellation_slot(signal.slot(), asio::use_awaitable);
  auto begun = guarded(std::move(work));
  co_return co_await asio::co_spawn(executor, std::move(begun), std::move(token));
}

}  // namespace penstock::async
