// SPDX-License-Identifier: Apache-2.0
// From a thread of the store back to the coroutine that waits for it.
#pragma once

#include <utility>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "absl/functional/any_invocable.h"

#include "engine/async/task.h"

namespace penstock::store {

// Called once, from any thread; or destroyed, which is for a process that ends.
template <class Result>
using Done = absl::AnyInvocable<void(Result)>;

// Calls `start(done)` and awaits the call of `done`; its argument is the result. The coroutine goes
// on on its own executor.
template <class Result, class Start>
async::asio::awaitable<Result> AwaitDone(Start start) {
  namespace asio = async::asio;
  auto initiate = [&start](auto handler) {
    auto executor = asio::get_associated_executor(handler);
    auto work = asio::make_work_guard(executor);
    start(Done<Result>([handler = std::move(handler), work = std::move(work),
                        executor](Result result) mutable {
      asio::post(executor, [handler = std::move(handler), result = std::move(result)]() mutable {
        std::move(handler)(std::move(result));
      });
      work.reset();
    }));
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result)>(
      initiate, asio::use_awaitable);
}

}  // namespace penstock::store
