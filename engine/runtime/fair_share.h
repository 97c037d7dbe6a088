// SPDX-License-Identifier: Apache-2.0
// Who may keep how many of the messages worked on at a time (limits::kMessagesActiveMax) waiting. A
// hook or next hop that hangs would otherwise have all of them, and mail for the others would wait
// with it (H13): each may have no more than there are left, so that there are always some left.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "engine/async/timer.h"
#include "engine/base/mutex.h"
#include "engine/base/time.h"

namespace penstock::runtime {

// Threads: safe from any.
class FairShare {
 public:
  // Takes a place with `destination`, to be given back; `left` is how many more messages could be
  // worked on. Where its share is used up: after how long to ask again. Those turned back come
  // again one after the other, limits::kTurnBackSpacing apart, however many they are.
  std::optional<Milliseconds> Take(const std::string& destination, std::size_t left);

  void Give(const std::string& destination);

 private:
  struct Share {
    std::size_t taken = 0;
    async::SteadyClock::time_point last_return;  // of those turned back
  };

  Mutex mutex_;
  std::map<std::string, Share> shares_ ABSL_GUARDED_BY(mutex_);  // bounded by hooks and next hops
};

}  // namespace penstock::runtime
