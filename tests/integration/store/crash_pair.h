// SPDX-License-Identifier: Apache-2.0
// What crash_writer writes and crash_test expects, by the name of a pair of messages.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/strings.h"
#include "engine/ports/store.h"
#include "tests/support/store_samples.h"

namespace penstock::tests {

// The same in every process.
inline std::uint64_t PairHash(const std::string& pair) {
  std::uint64_t hash = 1469598103934665603U;  // FNV-1a
  for (const char octet : pair)
    hash = (hash ^ static_cast<std::uint8_t>(octet)) * 1099511628211U;
  return hash;
}

// Mostly short, every eighth in segments.
inline std::string PairContent(const std::string& pair) {
  const std::uint64_t hash = PairHash(pair);
  const std::uint64_t range = hash % 8 == 0 ? 200'000 : 4'000;
  return Octets(static_cast<std::size_t>((hash >> 8U) % range), hash);
}

inline bool IsToBeClosed(const std::string& pair) {
  return PairHash(pair) % 3 == 0;
}

inline flow::MessageState PairMessage(const std::string& pair, const char* half,
                                      ContentId content) {
  return ActiveMessage(Cat(pair, half), std::move(content));
}

inline std::vector<flow::HistoryEntry> PairHistory(const std::string& pair) {
  return {Line(flow::HistoryKind::kAccepted, pair)};
}

}  // namespace penstock::tests
