// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/system_clock.h"

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>

#include <sys/random.h>

#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/base/log.h"
#include "engine/base/strings.h"

namespace penstock::runtime {

namespace {

Time WallTime() {
  return std::chrono::floor<Milliseconds>(std::chrono::system_clock::now());
}

// Counts while the machine sleeps, as a rule timeout does.
Time BootTime() {
  timespec now{};
  PENSTOCK_CHECK(clock_gettime(CLOCK_BOOTTIME, &now) == 0);
  return FromUnixMillis(now.tv_sec * 1000 + now.tv_nsec / 1'000'000);
}

}  // namespace

SystemClock::SystemClock() : SystemClock(WallTime, BootTime) {}

SystemClock::SystemClock(Source wall, Source steady)
    : wall_(std::move(wall)), steady_(std::move(steady)), offset_((wall_() - steady_()).count()) {}

Time SystemClock::Now() const {
  const Time wall = wall_();
  const Time steady = steady_();
  const Time ours = steady + Milliseconds(offset_);
  const Milliseconds jump = wall - ours;
  if (jump > -limits::kClockJump && jump < limits::kClockJump) {
    offset_ = (wall - steady).count();  // what the wall clock is corrected by now and then
    return wall;
  }
  const bool follow = !Waits();
  Report(jump, follow);
  if (!follow) return ours;
  offset_ = (wall - steady).count();
  return wall;
}

void SystemClock::SetWaits(std::function<bool()> waits) {
  const MutexLock lock(mutex_);
  waits_ = std::move(waits);
}

bool SystemClock::Waits() const {
  const MutexLock lock(mutex_);
  return waits_ && waits_();
}

// One line a jump, and one when it is followed.
void SystemClock::Report(Milliseconds jump, bool followed) const {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(jump).count();
  if (!followed && std::abs(reported_.exchange(seconds) - seconds) <= 1) return;
  if (followed) reported_ = 0;
  Log(LogLevel::kWarning, followed ? "clock_jump_followed" : "clock_jumped",
      {{"by", Cat(seconds, "s")},
       {"note", followed ? "" : "times go on evenly until nothing waits, or until a restart"}});
}

// Asked of the kernel for several at a time: a message needs about four.
RandomBytes SystemRandom::Bytes() {
  // Up to 256 octets come whole, once the kernel's pool is ready (getrandom(2)).
  thread_local std::array<RandomBytes, 256 / sizeof(RandomBytes)> ready;
  thread_local std::size_t left = 0;
  if (left == 0) {
    PENSTOCK_CHECK(getrandom(ready.data(), sizeof ready, 0) == ssize_t{sizeof ready});
    left = ready.size();
  }
  return std::exchange(ready[--left], RandomBytes{});
}

double SystemRandom::Chance() {
  const RandomBytes bytes = Bytes();
  std::uint64_t number = 0;
  std::memcpy(&number, bytes.data(), sizeof number);
  return static_cast<double>(number >> 11U) * 0x1.0p-53;
}

}  // namespace penstock::runtime
