// SPDX-License-Identifier: Apache-2.0
// How long to wait before trying again: of a hook (SPEC H3, H12) and of a next hop (A8). Pure: the
// random number comes from the caller. Whether an attempt may start at all is the machines' matter.
#pragma once

#include <chrono>
#include <cstdint>

#include "engine/base/limits.h"

namespace penstock::flow {

enum class Jitter : std::uint8_t {
  kNone,  // exactly the ceiling
  kFull,  // anything from 0 to the ceiling, so that many that failed together do not come together
};

struct BackoffPolicy {
  std::chrono::milliseconds first;  // ceiling after the first failed attempt
  int factor;                       // of each further ceiling
  std::chrono::milliseconds max;    // highest ceiling
  Jitter jitter;
};

inline constexpr BackoffPolicy kSyncRetry{limits::kRetryBackoffFirst, limits::kRetryBackoffFactor,
                                          limits::kRetryBackoffMax, Jitter::kFull};  // H3
inline constexpr BackoffPolicy kAsyncRetry{limits::kAsyncRetryFirst, limits::kRetryBackoffFactor,
                                           limits::kAsyncRetryMax, Jitter::kNone};  // H12
inline constexpr BackoffPolicy kDeliveryRetry{limits::kDeliveryBackoffFirst,
                                              limits::kRetryBackoffFactor,
                                              limits::kDeliveryBackoffMax, Jitter::kFull};  // A8

// Returns the wait between the failure of attempt number `attempt` (the first is 1) and the start
// of the next. `random` is in [0, 1) and unused without jitter.
std::chrono::milliseconds Backoff(const BackoffPolicy& policy, int attempt, double random);

}  // namespace penstock::flow
