// SPDX-License-Identifier: Apache-2.0
// The threads, the clock and the timers of a simulated process, all in one thread: of the handlers
// that are ready the dice draw the next, and time moves only when none is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>

#include "engine/async/task.h"
#include "engine/async/timer.h"
#include "engine/ports/clock.h"
#include "tests/sim/dice.h"

namespace penstock::sim {

using async::SteadyClock;

// While it lives, all timers of the process are its own. Not for more than one thread.
class Scheduler final : public async::VirtualTime {
 public:
  // How the next handler is drawn: any, the one that waits longest, or mostly the newest.
  enum class Order { kAny, kOldest, kNewest };

  Scheduler(Dice dice, Order order);
  ~Scheduler() override;

  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Of the process that lives now.
  [[nodiscard]] async::Executor executor();

  // Runs one handler; false: none is ready.
  bool Step();

  // Moves time to the earliest expiry, but no further than `limit`, and makes ready what is due.
  void Advance(SteadyClock::time_point limit);

  // Ends the process as kill -9 does: no handler runs any more, every coroutine is destroyed where
  // it stands. What the coroutines refer to outlives the call. Renew begins the next process.
  void Kill();
  void Renew();

  // Since the simulation began.
  [[nodiscard]] Milliseconds Elapsed() const {
    return std::chrono::floor<Milliseconds>(now_ - kBegin);
  }

  [[nodiscard]] std::size_t ready() const;

  [[nodiscard]] std::size_t waits() const { return waits_.size(); }

  [[nodiscard]] SteadyClock::time_point Earliest() const;  // max() if nothing waits

  // async::VirtualTime.
  [[nodiscard]] time_point Now() const override { return now_; }

  std::uint64_t Begin(time_point expiry, std::unique_ptr<Wait> wait) override;
  void Cancel(std::uint64_t wait) override;

 private:
  class Process;
  class ProcessExecutor;

  static constexpr time_point kBegin{std::chrono::hours(1)};

  Dice dice_;
  const Order order_;
  time_point now_ = kBegin;
  std::uint64_t last_wait_ = 0;
  std::map<std::pair<time_point, std::uint64_t>, std::unique_ptr<Wait>> waits_;
  std::map<std::uint64_t, time_point> expiries_;
  std::unique_ptr<Process> process_;
};

// The wall clock of a simulation, which jumps when told to.
class SimClock final : public ports::Clock {
 public:
  explicit SimClock(const Scheduler& scheduler) : scheduler_(scheduler) {}

  [[nodiscard]] Time Now() const override {
    return std::chrono::floor<Milliseconds>(Time(jumped_) + scheduler_.Now().time_since_epoch());
  }

  void Jump(Milliseconds by) { jumped_ += by; }

 private:
  const Scheduler& scheduler_;
  Milliseconds jumped_ = std::chrono::hours(24 * 365 * 56);
};

}  // namespace penstock::sim
