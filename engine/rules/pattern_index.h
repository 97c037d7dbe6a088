// SPDX-License-Identifier: Apache-2.0
// All patterns of one side (sender or recipient) of a rule set, found by address. A search costs
// one hash look-up for the address and one for each label of its domain, however many patterns
// there are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/hash/hash.h"

#include "engine/base/strings.h"
#include "engine/rules/holder_lists.h"
#include "engine/rules/pattern.h"

namespace penstock::rules {

// A pattern that matches an address.
struct PatternMatch {
  std::string_view key;   // Pattern::key; points into the PatternIndex
  HoldersId holders = 0;  // the rules that hold it
  Specificity level;
  std::uint32_t address = 0;  // sender side: place of the matching address in its header field

  [[nodiscard]] std::string ToString() const { return PatternText(level.kind(), key); }
};

// Most specific first. Few of the suffixes of a domain are patterns: eight need no allocation.
using PatternMatches = absl::InlinedVector<PatternMatch, 8>;

class PatternIndex {
 public:
  PatternIndex();

  // Building: Add numbers the patterns from 0 in order of first appearance, giving an equal pattern
  // its number again; Freeze then replaces each number n by `holders[n]`.
  std::uint32_t Add(const Pattern& pattern);
  void Freeze(std::span<const HoldersId> holders);

  [[nodiscard]] std::size_t size() const { return size_; }

  // Appends every pattern that matches `address_key`, a mail::Mailbox::Key(), but "*".
  void FindSpecific(std::string_view address_key, PatternMatches& out) const;

  // Appends "*" if it is a pattern: it matches whatever the address is, and if there is none (R4).
  void FindAny(PatternMatches& out) const;

  // Returns the holders of a pattern that was added.
  [[nodiscard]] HoldersId HoldersOf(const Pattern& pattern) const;

  [[nodiscard]] std::size_t MemoryOctets() const;

 private:
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

  // Where a key begins in the text: two octets of length, then the key.
  struct TextRef {
    std::uint32_t offset;
  };

  // "example.com" and "*.example.com" share an entry: one look-up finds both.
  struct DomainEntry {
    std::uint32_t domain = kNone;
    std::uint32_t wildcard = kNone;
  };

  static std::string_view Text(const std::string& text, TextRef ref);

  struct Hash {
    using is_transparent = void;
    const std::string* text;

    std::size_t operator()(std::string_view key) const { return absl::HashOf(ToAbsl(key)); }

    std::size_t operator()(TextRef ref) const { return (*this)(Text(*text, ref)); }
  };

  struct Equal {
    using is_transparent = void;
    const std::string* text;

    bool operator()(TextRef a, TextRef b) const { return a.offset == b.offset; }

    bool operator()(TextRef ref, std::string_view key) const { return Text(*text, ref) == key; }
  };

  template <class Value>
  using Table = absl::flat_hash_map<TextRef, Value, Hash, Equal>;

  TextRef AddText(std::string_view key);

  std::unique_ptr<std::string> text_;  // all keys; on the heap, as the tables point to it
  Table<std::uint32_t> addresses_;
  Table<DomainEntry> domains_;
  std::uint32_t any_ = kNone;
  std::uint32_t size_ = 0;
};

}  // namespace penstock::rules
