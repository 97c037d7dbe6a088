// SPDX-License-Identifier: Apache-2.0
// The threads that coroutines run on: a pool's own, and gRPC's as guests, each for as long as it
// runs a callback (GuestTurn). A hop to another thread costs 35 to 40 µs, and a hook's answer would
// wait for it; gRPC calls back without a lock, and on a thread that it doesn't enter again
// meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/asio/execution.hpp>
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
  friend class PoolExecutor;

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

// The executor of the pool's own threads, but for guests. One word: a strand of it has its place
// within an Executor, which would take memory for a larger one each time it is asked for another
// property.
class PoolExecutor {
 public:
  explicit PoolExecutor(Pool* pool) : PoolExecutor(reinterpret_cast<std::uintptr_t>(pool)) {}

  PoolExecutor(const PoolExecutor& other) noexcept : PoolExecutor(other.word_) {}

  PoolExecutor& operator=(const PoolExecutor&) = delete;

  ~PoolExecutor() {
    if ((word_ & kTracked) != 0) threads().on_work_finished();
  }

  [[nodiscard]] asio::execution_context& query(asio::execution::context_t /*wanted*/) const {
    return pool()->threads_;
  }

  [[nodiscard]] asio::execution::blocking_t query(asio::execution::blocking_t /*wanted*/) const {
    if ((word_ & kNever) != 0) return asio::execution::blocking.never;
    return asio::execution::blocking.possibly;
  }

  [[nodiscard]] PoolExecutor require(asio::execution::blocking_t::never_t /*wanted*/) const {
    return PoolExecutor(word_ | kNever);
  }

  [[nodiscard]] PoolExecutor require(asio::execution::blocking_t::possibly_t /*wanted*/) const {
    return PoolExecutor(word_ & ~kNever);
  }

  [[nodiscard]] PoolExecutor require(
      asio::execution::outstanding_work_t::tracked_t /*wanted*/) const {
    return PoolExecutor(word_ | kTracked);
  }

  [[nodiscard]] PoolExecutor require(
      asio::execution::outstanding_work_t::untracked_t /*wanted*/) const {
    return PoolExecutor(word_ & ~kTracked);
  }

  template <class Function>
  void execute(Function&& function) const {
    const bool never_now = (word_ & kNever) != 0;
    GuestTurn* const turn = GuestTurn::With(*pool());
    if (turn == nullptr && never_now) {
      asio::require(threads(), asio::execution::blocking.never)
          .execute(std::forward<Function>(function));
    } else if (turn == nullptr) {
      threads().execute(std::forward<Function>(function));
    } else if (never_now) {
      turn->Queue(std::forward<Function>(function));
    } else {
      std::decay_t<Function> mine(std::forward<Function>(function));
      mine();
    }
  }

  friend bool operator==(const PoolExecutor& a, const PoolExecutor& b) noexcept {
    return a.word_ == b.word_;
  }

  friend bool operator!=(const PoolExecutor& a, const PoolExecutor& b) noexcept {
    return !(a == b);
  }

 private:
  // In the bits that a pool's address leaves.
  static constexpr std::uintptr_t kNever = 1;    // execution::blocking.never
  static constexpr std::uintptr_t kTracked = 2;  // execution::outstanding_work.tracked
  static_assert(alignof(Pool) > (kNever | kTracked));

  explicit PoolExecutor(std::uintptr_t word) : word_(word) {
    if ((word_ & kTracked) != 0) threads().on_work_started();
  }

  [[nodiscard]] Pool* pool() const { return reinterpret_cast<Pool*>(word_ & ~(kNever | kTracked)); }

  // What a thread of the pool posts, it or another runs when it has done what it does: none need be
  // woken for that.
  [[nodiscard]] asio::thread_pool::executor_type threads() const {
    return asio::require(pool()->threads_.get_executor(),
                         asio::execution::relationship.continuation);
  }

  const std::uintptr_t word_;
};

}  // namespace penstock::async
