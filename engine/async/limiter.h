// SPDX-License-Identifier: Apache-2.0
// A counting semaphore for coroutines: at most N hold a permit, the others wait their turn in
// order. Bounds the calls of a hook (H13) and the connections to a next hop.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <utility>

#include "engine/async/task.h"
#include "engine/async/timer.h"
#include "engine/base/mutex.h"
#include "engine/base/time.h"

namespace penstock::async {

class Limiter {
 public:
  explicit Limiter(std::size_t permits) : free_(permits) {}

  Limiter(const Limiter&) = delete;
  Limiter& operator=(const Limiter&) = delete;

  // Gives its permit back when destroyed. Holds a pointer to the Limiter, which outlives it.
  class Permit {
   public:
    explicit Permit(Limiter* limiter) : limiter_(limiter) {}

    Permit(Permit&& other) noexcept : limiter_(std::exchange(other.limiter_, nullptr)) {}

    Permit& operator=(Permit&&) = delete;

    ~Permit() {
      if (limiter_ != nullptr) limiter_->Release();
    }

   private:
    Limiter* limiter_;
  };

  // A permit if one is free at once: nobody waits then.
  std::optional<Permit> TryAcquire();

  // Waits for a permit. First come, first served.
  //   Errors: kCancelled; kDeadlineExceeded after `longest`, where that is given.
  Task<Permit> Acquire(std::optional<Milliseconds> longest = std::nullopt);

  [[nodiscard]] std::size_t waiting() const;

 private:
  struct Waiter {
    explicit Waiter(const Executor& executor) : timer(executor) {}

    Timer timer;  // cancelled when the permit is there
    bool granted = false;
  };

  void Release();

  mutable Mutex mutex_;
  std::size_t free_ ABSL_GUARDED_BY(mutex_);
  std::list<std::shared_ptr<Waiter>> waiters_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace penstock::async
