// SPDX-License-Identifier: Apache-2.0
// A set of addresses, compared as SPEC R3 says, in which each has a number. It is asked once for
// every name in an answer, so a key costs no allocation and, for an ordinary address, no parsing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <string_view>

#include "absl/container/flat_hash_map.h"

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
  // A key with its hash, which is a by-product of making it.
  struct Key {
    std::string_view text;
    std::size_t hash;

    friend bool operator==(const Key& a, const Key& b) { return a.text == b.text; }
  };

  struct KeyHash {
    std::size_t operator()(const Key& key) const { return key.hash; }
  };

  Found InsertKey(const Key& key);

  std::pmr::monotonic_buffer_resource keys_;
  absl::flat_hash_map<Key, std::uint32_t, KeyHash> numbers_;
};

}  // namespace penstock::flow
