// SPDX-License-Identifier: Apache-2.0
#include "engine/rules/holder_lists.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "absl/types/span.h"

namespace penstock::rules {

HolderLists::HolderLists(std::size_t rules, std::span<const std::uint32_t> offsets,
                         std::span<const RuleIndex> held, std::vector<HoldersId>& ids)
    : rules_(static_cast<std::uint32_t>(rules)) {
  // Lists by their hash; of lists with one hash each names the one before it.
  absl::flat_hash_map<std::size_t, std::uint32_t> newest;
  std::vector<std::uint32_t> older;
  const auto intern = [&](std::span<const RuleIndex> list) {
    const std::size_t hash = absl::Hash<absl::Span<const RuleIndex>>{}(
        absl::Span<const RuleIndex>(list.data(), list.size()));
    const auto [slot, added] = newest.try_emplace(hash, kNoBits);
    for (std::uint32_t n = slot->second; n != kNoBits; n = older[n]) {
      if (std::ranges::equal(List(rules_ + n), list)) return rules_ + n;
    }
    const auto number = static_cast<std::uint32_t>(extents_.size());
    older.push_back(slot->second);
    slot->second = number;
    extents_.push_back({static_cast<std::uint32_t>(pool_.size()),
                        static_cast<std::uint32_t>(list.size()), kNoBits});
    pool_.insert(pool_.end(), list.begin(), list.end());
    return rules_ + number;
  };
  for (std::size_t p = 0; p + 1 < offsets.size(); ++p) {
    const auto list = held.subspan(offsets[p], offsets[p + 1] - offsets[p]);
    ids.push_back(list.size() == 1 ? list.front() : intern(list));
  }
  const std::size_t words = (rules + 63) / 64;
  for (Extent& extent : extents_) {
    if (extent.size * sizeof(RuleIndex) < words * sizeof(std::uint64_t)) continue;
    extent.bits = static_cast<std::uint32_t>(bits_.size());
    bits_.resize(bits_.size() + words);
    for (std::uint32_t i = 0; i < extent.size; ++i) {
      const RuleIndex rule = pool_[extent.begin + i];
      bits_[extent.bits + rule / 64] |= std::uint64_t{1} << (rule % 64);
    }
  }
  extents_.shrink_to_fit();
  pool_.shrink_to_fit();
  bits_.shrink_to_fit();
}

bool HolderLists::Contains(HoldersId id, RuleIndex rule) const {
  if (IsSingle(id)) return id == rule;
  const Extent& extent = extents_[id - rules_];
  if (extent.bits != kNoBits) return (bits_[extent.bits + rule / 64] >> (rule % 64) & 1U) != 0;
  return std::ranges::binary_search(List(id), rule);
}

std::size_t HolderLists::MemoryOctets() const {
  return extents_.capacity() * sizeof(Extent) + pool_.capacity() * sizeof(RuleIndex) +
         bits_.capacity() * sizeof(std::uint64_t);
}

RuleIndex FirstCommon(const HolderLists& left, HoldersId left_id, const HolderLists& right,
                      HoldersId right_id) {
  if (left.IsSingle(left_id)) return right.Contains(right_id, left_id) ? left_id : kNoRule;
  if (right.IsSingle(right_id)) return left.Contains(left_id, right_id) ? right_id : kNoRule;
  const auto left_list = left.List(left_id);
  const auto right_list = right.List(right_id);
  if (left_list.size() <= right_list.size()) {
    for (const RuleIndex rule : left_list) {
      if (right.Contains(right_id, rule)) return rule;
    }
  } else {
    for (const RuleIndex rule : right_list) {
      if (left.Contains(left_id, rule)) return rule;
    }
  }
  return kNoRule;
}

}  // namespace penstock::rules
