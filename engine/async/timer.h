// SPDX-License-Identifier: Apache-2.0
// The one clock and the one timer that waits of the engine go by. Real, they are
// std::chrono::steady_clock and asio::steady_timer; a simulator puts its own time in their place
// (VirtualTime), so that hours pass in no time and always in the same order. What waits for a
// socket as well (Stream) goes by the reactor's timer: no simulator runs it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/append.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "engine/async/task.h"

namespace penstock::async {

// Time as a simulator sees it. Threads: none but the one that runs the simulator.
class VirtualTime {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  // A wait that has begun and not ended. Destroyed without End, it is forgotten: its handler is
  // destroyed unrun, as when the process ends.
  class Wait {
   public:
    virtual ~Wait() = default;
    // Posts the handler to its executor. The wait is of no use afterwards.
    virtual void End(const boost::system::error_code& error) = 0;
  };

  virtual ~VirtualTime() = default;
  [[nodiscard]] virtual time_point Now() const = 0;
  // Returns a number that never comes again.
  virtual std::uint64_t Begin(time_point expiry, std::unique_ptr<Wait> wait) = 0;
  // Ends that wait with operation_aborted; one that has ended is left alone.
  virtual void Cancel(std::uint64_t wait) = 0;

  // The one in force; null: time is real.
  [[nodiscard]] static VirtualTime* InForce() { return in_force_.load(std::memory_order_relaxed); }

  // Before the first timer is made, and null after the last has gone.
  static void Use(VirtualTime* time) { in_force_ = time; }

 private:
  inline static std::atomic<VirtualTime*> in_force_ = nullptr;
};

// Never goes back. Meets the requirements of a clock.
struct SteadyClock {
  using duration = std::chrono::steady_clock::duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::steady_clock::time_point;
  static constexpr bool is_steady = true;

  static time_point now() {
    const VirtualTime* time = VirtualTime::InForce();
    return time == nullptr ? std::chrono::steady_clock::now() : time->Now();
  }
};

// What asio::steady_timer is, for one wait at a time. Threads: one at a time.
class Timer {
 public:
  explicit Timer(const Executor& executor) : executor_(executor) {
    if (VirtualTime::InForce() == nullptr) real_.emplace(executor);
  }

  Timer(const Executor& executor, SteadyClock::duration duration) : Timer(executor) {
    expires_after(duration);
  }

  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  ~Timer() { cancel(); }

  [[nodiscard]] const Executor& get_executor() const { return executor_; }

  // Each cancels the wait that runs.
  void expires_at(SteadyClock::time_point time) {
    if (real_) {
      real_->expires_at(time);
    } else {
      cancel();
      expiry_ = time;
    }
  }

  void expires_after(SteadyClock::duration duration) { expires_at(SteadyClock::now() + duration); }

  void cancel() {
    if (real_) {
      real_->cancel();
    } else if (VirtualTime* time = VirtualTime::InForce(); time != nullptr) {
      time->Cancel(wait_);
    }
  }

  // Completes with an error_code: none at the expiry, operation_aborted if cancelled.
  template <class Token>
  auto async_wait(Token&& token) {
    return asio::async_initiate<Token, void(boost::system::error_code)>(
        [this](auto handler) {
          if (real_) {
            real_->async_wait(std::move(handler));
          } else {
            BeginVirtual(std::move(handler));
          }
        },
        token);
  }

 private:
  template <class Handler>
  struct VirtualWait final : VirtualTime::Wait {
    VirtualWait(Handler h, const Executor& timer_executor)
        : handler(std::move(h)), executor(asio::get_associated_executor(handler, timer_executor)) {}

    void End(const boost::system::error_code& error) override {
      asio::post(executor, asio::append(std::move(handler), error));
    }

    Handler handler;
    Executor executor;
  };

  template <class Handler>
  void BeginVirtual(Handler handler) {
    auto slot = asio::get_associated_cancellation_slot(handler);
    VirtualTime* const time = VirtualTime::InForce();
    wait_ =
        time->Begin(expiry_, std::make_unique<VirtualWait<Handler>>(std::move(handler), executor_));
    if (!slot.is_connected()) return;
    slot.assign([time, wait = wait_](asio::cancellation_type /*type*/) { time->Cancel(wait); });
  }

  const Executor executor_;
  std::optional<asio::steady_timer> real_;  // unset while time is virtual
  SteadyClock::time_point expiry_;          // of the virtual one
  std::uint64_t wait_ = 0;                  // the same
};

}  // namespace penstock::async
