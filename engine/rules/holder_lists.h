// SPDX-License-Identifier: Apache-2.0
// Which rules hold a pattern. Patterns held by the same rules share one list, so that a rule with
// thousands of patterns costs one list and not thousands, and a pattern of one rule costs none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace penstock::rules {

// Place of a rule in its RuleSet: in R7's order, most restrictive action first, then by name. Of
// rules that are equally specific the lowest index wins.
using RuleIndex = std::uint32_t;
inline constexpr RuleIndex kNoRule = std::numeric_limits<RuleIndex>::max();

// Names a set of rules within one HolderLists: below the number of rules it is that rule alone.
using HoldersId = std::uint32_t;

class HolderLists {
 public:
  HolderLists() = default;

  // `held[offsets[p] .. offsets[p + 1])` are the rules that hold pattern p, ascending, one at
  // least. Appends the id of each pattern's list to `ids`.
  HolderLists(std::size_t rules, std::span<const std::uint32_t> offsets,
              std::span<const RuleIndex> held, std::vector<HoldersId>& ids);

  [[nodiscard]] bool IsSingle(HoldersId id) const { return id < rules_; }

  // Returns the rules of a list, ascending. `id` must not be single.
  [[nodiscard]] std::span<const RuleIndex> List(HoldersId id) const {
    const Extent& extent = extents_[id - rules_];
    return {pool_.data() + extent.begin, extent.size};
  }

  [[nodiscard]] bool Contains(HoldersId id, RuleIndex rule) const;

  [[nodiscard]] std::size_t lists() const { return extents_.size(); }

  [[nodiscard]] HoldersId first_list() const { return rules_; }

  [[nodiscard]] std::size_t MemoryOctets() const;

 private:
  static constexpr std::uint32_t kNoBits = std::numeric_limits<std::uint32_t>::max();

  struct Extent {
    std::uint32_t begin = 0;  // in pool_
    std::uint32_t size = 0;
    std::uint32_t bits = kNoBits;  // of a long list: word in bits_ where its bitmap begins
  };

  std::uint32_t rules_ = 0;
  std::vector<Extent> extents_;
  std::vector<RuleIndex> pool_;
  std::vector<std::uint64_t> bits_;  // a bit a rule; made where it is no larger than the list
};

// Returns the lowest rule that is in both lists, kNoRule if none is, walking the shorter one.
RuleIndex FirstCommon(const HolderLists& left, HoldersId left_id, const HolderLists& right,
                      HoldersId right_id);

}  // namespace penstock::rules
