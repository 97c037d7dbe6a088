// SPDX-License-Identifier: Apache-2.0
#include "engine/async/deadline.h"

#include <boost/asio/as_tuple.hpp>

#include "engine/base/strings.h"

namespace penstock::async {

asio::awaitable<Status> Sleep(SteadyClock::duration duration) {
  Timer timer(co_await asio::this_coro::executor, duration);
  const auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  if (error) co_return Cancelled("wait ended early");
  co_return OkStatus();
}

Status DeadlineError(Milliseconds duration, const char* what) {
  return DeadlineExceeded(Cat(what, " took longer than ", FormatDuration(duration)));
}

}  // namespace penstock::async
