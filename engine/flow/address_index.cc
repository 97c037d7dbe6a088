// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/address_index.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "engine/mail/mailbox.h"

namespace penstock::flow {
namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101U;
constexpr std::uint64_t kHighs = 0x80U * kOnes;
constexpr std::size_t kWord = sizeof(std::uint64_t);

// Writes `text` in ASCII lower case to `out`, which has room for it rounded up to whole words.
// Returns false, having written something, if `text` is not all ASCII.
bool LowerAscii(std::string_view text, char* out) {
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < text.size(); i += kWord) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + i, std::min(kWord, text.size() - i));
    seen |= word;
    // The high bit of each octet: not below 'A', and not above 'Z'. No carry leaves an octet that
    // is ASCII; of a text that is not, nothing is used.
    const std::uint64_t from_a = word + kOnes * (0x80 - 'A');
    const std::uint64_t beyond_z = word + kOnes * (0x80 - 'Z' - 1);
    word |= ((from_a & ~beyond_z & kHighs) >> 2U);  // 0x80 >> 2 is the bit 'a' - 'A'
    std::memcpy(out + i, &word, kWord);
  }
  return (seen & kHighs) == 0;
}

// Whether mail::AddressKey of `address`, which is ASCII, is `address` in lower case: it has no
// quoted local part and no trailing dot, the only things besides case that R3 takes away from
// ASCII.
bool IsKeyedByCaseAlone(std::string_view address) {
  return !address.starts_with('"') && !address.ends_with('.');
}

// Enough for an address of usual length; a longer guess would cost more than growing.
constexpr std::size_t kOctetsPerAddress = 48;

}  // namespace

AddressIndex::AddressIndex(std::size_t expected) : keys_(expected * kOctetsPerAddress + kWord) {
  numbers_.reserve(expected);
}

AddressIndex::Found AddressIndex::Insert(std::string_view address) {
  char small[320];  // addresses that are longer are no addresses (RFC 5321 §4.5.3.1), but may come
  std::string large;
  char* lower = small;
  if (address.size() + kWord > sizeof small) {
    large.resize(address.size() + kWord);
    lower = large.data();
  }
  std::string_view key;
  std::string parsed;
  if (LowerAscii(address, lower) && IsKeyedByCaseAlone(address)) {
    key = {lower, address.size()};
  } else {
    parsed = mail::AddressKey(address);
    key = parsed;
  }
  // lazy_emplace copies the key only if it is new.
  bool inserted = false;
  const auto number = static_cast<std::uint32_t>(numbers_.size());
  const auto entry = numbers_.lazy_emplace(key, [&](const auto& construct) {
    inserted = true;
    char* kept = nullptr;
    if (!key.empty()) {
      kept = static_cast<char*>(keys_.allocate(key.size(), 1));
      std::memcpy(kept, key.data(), key.size());
    }
    construct(std::string_view(kept, key.size()), number);
  });
  return {entry->second, inserted, entry->first};
}

}  // namespace penstock::flow
