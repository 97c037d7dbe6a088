// SPDX-License-Identifier: Apache-2.0
// The real time and the kernel's random numbers.
#pragma once

#include <atomic>
#include <functional>

#include "engine/base/mutex.h"
#include "engine/ports/clock.h"

namespace penstock::runtime {

// The wall clock, but while something waits for a time it goes on evenly where that one jumps:
// deadlines on record (H3) count the time that has passed, not what somebody set. It follows the
// wall clock again when nothing waits, and at the next start.
class SystemClock final : public ports::Clock {
 public:
  SystemClock();

  // For tests: where the two times come from. `steady` has no jumps, and any beginning.
  using Source = std::function<Time()>;
  SystemClock(Source wall, Source steady);

  [[nodiscard]] Time Now() const override;

  // `waits` says whether something does; it is called from any thread, and calls no Now(). Before
  // it is set, and without it, nothing waits.
  void SetWaits(std::function<bool()> waits);

 private:
  [[nodiscard]] bool Waits() const;
  void Report(Milliseconds jump, bool followed) const;

  const Source wall_;
  const Source steady_;
  mutable std::atomic<Milliseconds::rep> offset_;       // of our time over the steady one
  mutable std::atomic<Milliseconds::rep> reported_{0};  // the jump that was logged last
  mutable Mutex mutex_;
  std::function<bool()> waits_ ABSL_GUARDED_BY(mutex_);
};

class SystemRandom final : public ports::Random {
 public:
  [[nodiscard]] RandomBytes Bytes() override;
  [[nodiscard]] double Chance() override;
};

}  // namespace penstock::runtime
