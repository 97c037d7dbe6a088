// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/address_index.h"

#include <cstring>
#include <string>

#include "absl/numeric/int128.h"

#include "engine/mail/mailbox.h"

namespace penstock::flow {
namespace {

constexpr std::size_t kWord = sizeof(std::uint64_t);
constexpr std::uint64_t kOnes = 0x0101010101010101U;
constexpr std::uint64_t kHighs = 0x80U * kOnes;

// An address is at most 254 octets (RFC 5321 §4.5.3.1.3); what is longer goes the slow way.
constexpr std::size_t kQuickOctetsMax = 256;

// Enough for an address of usual length; a longer guess would cost more than growing.
constexpr std::size_t kOctetsPerAddress = 48;

// Returns the eight octets of `word`, which are ASCII, in lower case.
std::uint64_t LowerWord(std::uint64_t word) {
  // The high bit of each octet: not below 'A', and not above 'Z'. No carry leaves an octet that is
  // ASCII.
  const std::uint64_t from_a = word + kOnes * (0x80 - 'A');
  const std::uint64_t beyond_z = word + kOnes * (0x80 - 'Z' - 1);
  return word | ((from_a & ~beyond_z & kHighs) >> 2U);  // 0x80 >> 2 is the bit 'a' - 'A'
}

// A hash by multiplying and folding, one word at a time. It begins with where this process was
// loaded: the names come from outside, and whoever knows the function must not be able to choose
// names that collide.
class WordHash {
 public:
  void Add(std::uint64_t word) {
    constexpr std::uint64_t kFactor = 0x9e3779b97f4a7c15U;  // 2^64 over the golden ratio
    const absl::uint128 product = absl::uint128(state_ ^ word) * kFactor;
    state_ = absl::Uint128High64(product) ^ absl::Uint128Low64(product);
  }

  [[nodiscard]] std::size_t value() const { return state_; }

 private:
  static std::uint64_t Seed() {
    static const char kSomewhere = 0;
    return reinterpret_cast<std::uintptr_t>(&kSomewhere);
  }

  std::uint64_t state_ = Seed();
};

std::uint64_t Load(const char* octets, std::size_t count) {
  std::uint64_t word = 0;
  std::memcpy(&word, octets, count);
  return word;
}

// Writes `text`, which is at most kQuickOctetsMax octets, in lower case to `out`, which has room
// for a word more, and adds it to `hash`. Returns false, having done half of it, if it is not all
// ASCII.
bool LowerAscii(std::string_view text, char* out, WordHash& hash) {
  std::uint64_t seen = 0;
  const auto lower = [&](std::uint64_t word, std::size_t at) {
    seen |= word;
    word = LowerWord(word);
    hash.Add(word);
    std::memcpy(out + at, &word, kWord);
  };
  hash.Add(text.size());
  if (text.size() < kWord) {
    if (!text.empty()) lower(Load(text.data(), text.size()), 0);
  } else {
    for (std::size_t at = 0; at + kWord <= text.size(); at += kWord)
      lower(Load(text.data() + at, kWord), at);
    // What is left, with some that is lower already.
    const std::size_t last = text.size() - kWord;
    lower(Load(text.data() + last, kWord), last);
  }
  return (seen & kHighs) == 0;
}

// Whether mail::AddressKey of `address`, which is ASCII, is `address` in lower case: it has no
// quoted local part and no trailing dot, the only things besides case that R3 takes away from
// ASCII.
bool IsKeyedByCaseAlone(std::string_view address) {
  return !address.starts_with('"') && !address.ends_with('.');
}

}  // namespace

AddressIndex::AddressIndex(std::size_t expected) : keys_(expected * kOctetsPerAddress + kWord) {
  numbers_.reserve(expected);
}

AddressIndex::Found AddressIndex::Insert(std::string_view address) {
  char lower[kQuickOctetsMax + kWord];
  if (address.size() <= kQuickOctetsMax) {
    WordHash hash;
    if (LowerAscii(address, lower, hash) && IsKeyedByCaseAlone(address)) {
      return InsertKey({{lower, address.size()}, hash.value()});
    }
  }
  // The same hash for the same key, whichever way it came: keys are ASCII, or no addresses.
  const std::string key = mail::AddressKey(address);
  WordHash hash;
  if (key.size() > kQuickOctetsMax || !LowerAscii(key, lower, hash)) {
    hash = WordHash();
    for (const char c : key)
      hash.Add(static_cast<unsigned char>(c));
  }
  return InsertKey({key, hash.value()});
}

AddressIndex::Found AddressIndex::InsertKey(const Key& key) {
  bool inserted = false;
  const auto number = static_cast<std::uint32_t>(numbers_.size());
  const auto entry = numbers_.lazy_emplace(key, [&](const auto& construct) {
    inserted = true;
    char* kept = nullptr;
    if (!key.text.empty()) {
      kept = static_cast<char*>(keys_.allocate(key.text.size(), 1));
      std::memcpy(kept, key.text.data(), key.text.size());
    }
    construct(Key{{kept, key.text.size()}, key.hash}, number);
  });
  return {entry->second, inserted, entry->first.text};
}

}  // namespace penstock::flow
