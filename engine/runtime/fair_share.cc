// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/fair_share.h"

#include <algorithm>

#include "engine/base/check.h"
#include "engine/base/limits.h"

namespace penstock::runtime {

std::optional<Milliseconds> FairShare::Take(const std::string& destination, std::size_t left) {
  const MutexLock lock(mutex_);
  Share& share = shares_[destination];
  if (share.taken < std::max<std::size_t>(left, 1)) {
    ++share.taken;
    return std::nullopt;
  }
  const auto now = async::SteadyClock::now();
  share.last_return = std::max(now + std::chrono::milliseconds(limits::kTurnBackFirst),
                               share.last_return + limits::kTurnBackSpacing);
  return std::chrono::ceil<Milliseconds>(share.last_return - now);
}

void FairShare::Give(const std::string& destination) {
  const MutexLock lock(mutex_);
  const auto share = shares_.find(destination);
  PENSTOCK_CHECK(share != shares_.end() && share->second.taken > 0);
  --share->second.taken;
}

}  // namespace penstock::runtime
