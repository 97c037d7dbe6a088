// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/backoff.h"

#include <algorithm>

namespace penstock::flow {

std::chrono::milliseconds Backoff(const BackoffPolicy& policy, int attempt, double random) {
  std::chrono::milliseconds ceiling = std::min(policy.first, policy.max);
  for (int i = 1; i < attempt && ceiling < policy.max; ++i) {
    // Compared before it is multiplied: an attempt number is not bounded, the product must be.
    ceiling = ceiling > policy.max / policy.factor ? policy.max : ceiling * policy.factor;
  }
  if (policy.jitter == Jitter::kNone) return ceiling;
  const double part = std::clamp(random, 0.0, 1.0) * static_cast<double>(ceiling.count());
  return std::chrono::milliseconds(static_cast<std::chrono::milliseconds::rep>(part));
}

}  // namespace penstock::flow
