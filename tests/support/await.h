// SPDX-License-Identifier: Apache-2.0
// Runs a coroutine to its end from a test, which waits.
#pragma once

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include "engine/async/task.h"

namespace penstock::tests {

// Runs `work` on a strand of its own; `executor`'s threads are not the caller's.
template <class T>
T Await(const async::Executor& executor, async::asio::awaitable<T> work) {
  const async::Executor strand = async::asio::make_strand(executor);
  return async::asio::co_spawn(strand, std::move(work), async::asio::use_future).get();
}

}  // namespace penstock::tests
