// SPDX-License-Identifier: Apache-2.0
// What a coroutine of ours returns: Task<T> gives StatusOr<T>, Task<void> gives Status.
// Name an argument first, then await the call: g++ 12 destroys a braced temporary or a lambda that
// stands inside a co_await expression twice (tools/check_coro.py).
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "engine/base/status.h"

namespace penstock::async {

namespace asio = boost::asio;

using Executor = asio::any_io_executor;

namespace task_internal {

template <class T>
struct Result {
  using Type = StatusOr<T>;
};

template <>
struct Result<void> {
  using Type = Status;
};

}  // namespace task_internal

template <class T>
using Task = asio::awaitable<typename task_internal::Result<T>::Type>;

}  // namespace penstock::async
