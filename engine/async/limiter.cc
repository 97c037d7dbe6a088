// SPDX-License-Identifier: Apache-2.0
#include "engine/async/limiter.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace penstock::async {

std::optional<Limiter::Permit> Limiter::TryAcquire() {
  const MutexLock lock(mutex_);
  if (free_ == 0) return std::nullopt;
  --free_;
  return Permit(this);
}

Task<Limiter::Permit> Limiter::Acquire(std::optional<Milliseconds> longest) {
  const Executor executor = co_await asio::this_coro::executor;
  std::shared_ptr<Waiter> waiter;
  {
    const MutexLock lock(mutex_);
    if (free_ > 0) {
      --free_;
    } else {
      waiter = std::make_shared<Waiter>(executor);
      waiter->timer.expires_at(SteadyClock::time_point::max());
      if (longest) waiter->timer.expires_after(*longest);
      waiters_.push_back(waiter);
    }
  }
  if (!waiter) co_return Permit(this);
  // Release posts the cancellation to this executor, so it can't come before the wait has begun:
  // that executor is a strand, and we hold it until the co_await suspends.
  // Whether the wait ended by a grant is in `granted`, not in its error code.
  const auto [error] = co_await waiter->timer.async_wait(asio::as_tuple(asio::use_awaitable));
  const MutexLock lock(mutex_);
  if (waiter->granted) co_return Permit(this);
  waiters_.remove(waiter);
  if (!error) co_return DeadlineExceeded("no permit came in time");
  co_return Cancelled("wait for a permit was cancelled");
}

std::size_t Limiter::waiting() const {
  const MutexLock lock(mutex_);
  return waiters_.size();
}

void Limiter::Release() {
  const MutexLock lock(mutex_);
  if (waiters_.empty()) {
    ++free_;
    return;
  }
  const std::shared_ptr<Waiter> waiter = waiters_.front();
  waiters_.pop_front();
  waiter->granted = true;
  asio::post(waiter->timer.get_executor(), [waiter] { waiter->timer.cancel(); });
}

}  // namespace penstock::async
