// SPDX-License-Identifier: Apache-2.0
#include "engine/async/pool.h"

#include <memory>

#include <boost/asio/strand.hpp>

#include "engine/async/strand.h"
#include "engine/base/limits.h"

namespace penstock::async {

thread_local GuestTurn* GuestTurn::current_ = nullptr;

Pool::~Pool() {
  Stop();
  Join();
}

Executor Pool::executor() {
  return PoolExecutor(this);
}

// The place that an Executor has for what it holds: a larger one is in memory of its own.
static_assert(sizeof(asio::strand<PoolExecutor>) <= sizeof(std::shared_ptr<void>) + sizeof(void*));

Executor MakeStrand(const Executor& executor) {
  if (const auto* of_pool = executor.target<PoolExecutor>()) return asio::make_strand(*of_pool);
  return asio::make_strand(executor);
}

void Pool::Join() {
  threads_.join();
  const MutexLock lock(mutex_);
  while (guests_ != 0)
    no_guests_.wait(mutex_);
}

GuestTurn* GuestTurn::With(Pool& pool) {
  if (current_ == nullptr) return nullptr;
  if (current_->pool_ == nullptr) {
    current_->pool_ = &pool;
    const MutexLock lock(pool.mutex_);
    ++pool.guests_;
  }
  return current_->pool_ == &pool ? current_ : nullptr;
}

GuestTurn::~GuestTurn() {
  // What runs may queue more.
  for (std::size_t ran = 0; ran < queue_.size(); ++ran) {
    absl::AnyInvocable<void()> next = std::move(queue_[ran]);
    if (ran < limits::kGuestFunctionsMax) {
      next();
    } else {
      pool_->threads_.get_executor().execute(std::move(next));
    }
  }
  current_ = outer_;
  if (pool_ == nullptr) return;
  // Notified under the lock: the pool may be destroyed as soon as Join has it.
  const MutexLock lock(pool_->mutex_);
  if (--pool_->guests_ == 0) pool_->no_guests_.notify_all();
}

}  // namespace penstock::async
