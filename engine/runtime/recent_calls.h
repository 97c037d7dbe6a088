// SPDX-License-Identifier: Apache-2.0
// How the calls of the last minute fared: how many, how many failed, how long they took. Its size
// is fixed, whatever happens; what is older than limits::kRecentCallsSlots slots is forgotten a
// slot at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "engine/base/limits.h"
#include "engine/base/time.h"

namespace penstock::runtime {

struct RecentFigures {
  Milliseconds interval{0};  // that they are of
  std::uint64_t ended = 0;
  std::uint64_t failed = 0;         // of those that ended
  std::optional<Milliseconds> p50;  // half took at most that, an eighth too much at worst
  std::optional<Milliseconds> p99;
};

// Threads: one at a time.
class RecentCalls {
 public:
  // A call ended at `when`, after `took`.
  void Add(Milliseconds took, bool failed, Time when);

  [[nodiscard]] RecentFigures Of(Time now) const;

 private:
  // Every whole number of milliseconds below 16, then eight buckets to each doubling, up to 17 min.
  static constexpr std::size_t kBuckets = 144;
  static std::size_t BucketOf(Milliseconds took);
  static Milliseconds LargestOf(std::size_t bucket);

  struct Slot {
    std::int64_t number = 0;  // since 1970; of use if something ended in it
    std::uint32_t failed = 0;
    Milliseconds longest{0};
    std::array<std::uint32_t, kBuckets> ended{};
  };

  std::array<Slot, limits::kRecentCallsSlots> slots_{};
};

}  // namespace penstock::runtime
