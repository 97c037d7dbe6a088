// SPDX-License-Identifier: Apache-2.0
// The way of an administrator to a message that runs: what he wants lies here until the run takes
// it, on its own strand, so that nothing races with it.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "engine/base/mutex.h"
#include "engine/base/status.h"
#include "engine/flow/intervention.h"

namespace penstock::runtime {

struct PendingIntervention {
  flow::Intervention what;
  std::function<void(Status)> done;  // called once, from any thread
};

// Threads: safe from any. Bounded by limits::kInterventionsMax, which MessageSchedule counts.
class Inbox {
 public:
  void Put(PendingIntervention intervention) {
    std::function<void()> nudge;
    {
      const MutexLock lock(mutex_);
      waiting_.push_back(std::move(intervention));
      nudge = nudge_;
    }
    if (nudge) nudge();
  }

  [[nodiscard]] std::vector<PendingIntervention> Take() {
    const MutexLock lock(mutex_);
    return std::exchange(waiting_, {});
  }

  [[nodiscard]] bool empty() const {
    const MutexLock lock(mutex_);
    return waiting_.empty();
  }

  // Called after every Put from now on; it blocks nobody.
  void SetNudge(std::function<void()> nudge) {
    const MutexLock lock(mutex_);
    nudge_ = std::move(nudge);
  }

  void RefuseAll(const Status& why) {
    for (const PendingIntervention& one : Take())
      one.done(why);
  }

 private:
  mutable Mutex mutex_;
  std::vector<PendingIntervention> waiting_ ABSL_GUARDED_BY(mutex_);
  std::function<void()> nudge_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace penstock::runtime
