// SPDX-License-Identifier: Apache-2.0
// The threads that coroutines run on: a pool's own, and gRPC's as guests, each for as long as it
// runs a callback (GuestTurn). A hop to another thread costs 35 to 40 µs, and a hook's answer would
// wait for it; gRPC calls back without a lock, and on a thread that it doesn't enter again
// meanwhile.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/asio/execution.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>
#include <boost/asio/thread_pool.hpp>

#include "absl/functional/any_invocable.h"

#include "engine/async/task.h"
#include "engine/base/mutex.h"

namespace penstock::async {

class Pool {
 public:
  explicit Pool(std::size_t threads) : threads_(threads) {}

  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  ~Pool();

  [[nodiscard]] Executor executor();

  // What has not begun is not run any more.
  void Stop() { threads_.stop(); }

  // Blocks until nothing is left to run, or after Stop until no thread runs anything, guests too.
  void Join();

 private:
  friend class GuestTurn;

  asio::thread_pool threads_;
  Mutex mutex_;
  ConditionVariable no_guests_;
  std::size_t guests_ ABSL_GUARDED_BY(mutex_) = 0;
};

// While it lives, on a stack of a thread that is no pool's, that thread runs what resumes there
// (asio::dispatch) as the pool's own would. What is posted meanwhile runs at the turn's end; the
// pool gets what exceeds limits::kGuestFunctionsMax.
class GuestTurn {
 public:
  GuestTurn() : outer_(std::exchange(current_, this)) {}

  GuestTurn(const GuestTurn&) = delete;
  GuestTurn& operator=(const GuestTurn&) = delete;

  ~GuestTurn();

  // The turn of this thread, if it is with `pool`; else null. It is with the first pool that asks,
  // which then is not joined before the turn ends.
  static GuestTurn* With(Pool& pool);

  void Queue(absl::AnyInvocable<void()> function) { queue_.push_back(std::move(function)); }

 private:
  static thread_local GuestTurn* current_;

  GuestTurn* const outer_;
  Pool* pool_ = nullptr;
  std::vector<absl::AnyInvocable<void()>> queue_;
};

// The executor of the pool's own threads, `Inner`, but for guests.
template <class Inner>
class PoolExecutor {
 public:
  PoolExecutor(Pool* pool, Inner inner) : pool_(pool), inner_(std::move(inner)) {}

  template <class Property>
  auto query(const Property& property) const
      -> decltype(asio::query(std::declval<const Inner&>(), property)) {
    return asio::query(inner_, property);
  }

  template <class Property>
  auto require(const Property& property) const -> PoolExecutor<
      std::decay_t<decltype(asio::require(std::declval<const Inner&>(), property))>> {
    return {pool_, asio::require(inner_, property)};
  }

  template <class Function>
  void execute(Function&& function) const {
    GuestTurn* const turn = GuestTurn::With(*pool_);
    if (turn == nullptr) {
      inner_.execute(std::forward<Function>(function));
    } else if (asio::query(inner_, asio::execution::blocking) == asio::execution::blocking.never) {
      turn->Queue(std::forward<Function>(function));
    } else {
      std::decay_t<Function> mine(std::forward<Function>(function));
      mine();
    }
  }

  friend bool operator==(const PoolExecutor& a, const PoolExecutor& b) noexcept {
    return a.pool_ == b.pool_ && a.inner_ == b.inner_;
  }

  friend bool operator!=(const PoolExecutor& a, const PoolExecutor& b) noexcept {
    return !(a == b);
  }

 private:
  Pool* pool_;
  Inner inner_;
};

}  // namespace penstock::async
