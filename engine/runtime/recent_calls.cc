// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/recent_calls.h"

#include <algorithm>
#include <bit>
#include <chrono>

namespace penstock::runtime {
namespace {

constexpr std::int64_t kSlots = limits::kRecentCallsSlots;
constexpr std::size_t kExactBelow = 16;
constexpr std::size_t kExactBits = 4;
constexpr std::size_t kBucketsADoubling = kExactBelow / 2;

std::int64_t SlotAt(Time time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch() /
         limits::kRecentCallsSlot;
}

}  // namespace

std::size_t RecentCalls::BucketOf(Milliseconds took) {
  const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 0));
  if (value < kExactBelow) return value;
  const std::size_t shift = static_cast<std::size_t>(std::bit_width(value)) - kExactBits;
  return std::min(shift * kBucketsADoubling + (value >> shift), kBuckets - 1);
}

Milliseconds RecentCalls::LargestOf(std::size_t bucket) {
  if (bucket < kExactBelow) return Milliseconds(bucket);
  const std::size_t shift = bucket / kBucketsADoubling - 1;
  return Milliseconds(((bucket - shift * kBucketsADoubling + 1) << shift) - 1);
}

void RecentCalls::Add(Milliseconds took, bool failed, Time when) {
  const std::int64_t number = SlotAt(when);
  Slot& slot = slots_[static_cast<std::size_t>(number) % slots_.size()];
  if (number != slot.number) slot = {.number = number};
  if (failed) ++slot.failed;
  slot.longest = std::max(slot.longest, took);
  ++slot.ended[BucketOf(took)];
}

RecentFigures RecentCalls::Of(Time now) const {
  const std::int64_t current = SlotAt(now);
  RecentFigures figures;
  figures.interval = now - Time((current - kSlots + 1) * limits::kRecentCallsSlot);
  std::array<std::uint64_t, kBuckets> ended{};
  Milliseconds longest{0};
  for (const Slot& slot : slots_) {
    if (slot.number <= current - kSlots || slot.number > current) continue;
    figures.failed += slot.failed;
    longest = std::max(longest, slot.longest);
    for (std::size_t i = 0; i < kBuckets; ++i) {
      ended[i] += slot.ended[i];
      figures.ended += slot.ended[i];
    }
  }
  if (figures.ended == 0) return figures;
  const auto quantile = [&](std::uint64_t percent) {
    std::uint64_t left = (figures.ended * percent + 99) / 100;
    std::size_t bucket = 0;
    while (ended[bucket] < left)
      left -= ended[bucket++];
    return bucket == kBuckets - 1 ? longest : std::min(LargestOf(bucket), longest);
  };
  figures.p50 = quantile(50);
  figures.p99 = quantile(99);
  return figures;
}

}  // namespace penstock::runtime
