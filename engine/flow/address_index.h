// SPDX-License-Identifier: Apache-2.0
// A set of addresses, compared as SPEC R3 says, in which each has a number. It is asked once for
// every name in an answer, so a key costs no allocation and, for an ordinary address, no parsing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"

#include "engine/base/strings.h"

namespace penstock::flow {

class AddressIndex {
 public:
  struct Found {
    std::uint32_t number;  // 0, 1, 2 … in order of first insertion
    bool inserted;         // it was not there before
    std::string_view key;  // mail::AddressKey of the address; lives as long as the index
  };

  // `expected`: how many addresses to make room for.
  explicit AddressIndex(std::size_t expected);

  AddressIndex(const AddressIndex&) = delete;
  AddressIndex& operator=(const AddressIndex&) = delete;

  // Adds `address`, which need not parse, unless one with the same key is there.
  Found Insert(std::string_view address);

  [[nodiscard]] std::size_t size() const { return numbers_.size(); }

 private:
  // Seeded by the process: the names come from outside, and a known function could be flooded.
  struct KeyHash {
    std::size_t operator()(std::string_view key) const { return absl::HashOf(ToAbsl(key)); }
  };

  std::pmr::monotonic_buffer_resource keys_;
  absl::flat_hash_map<std::string_view, std::uint32_t, KeyHash, std::equal_to<>> numbers_;
};

}  // namespace penstock::flow
