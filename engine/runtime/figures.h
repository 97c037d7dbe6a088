// SPDX-License-Identifier: Apache-2.0
// How hooks and next hops have fared since the process started, and hooks' calls of late, for
// `penstock status` and `penstock hook list`. Metrics have the same for machines; nothing here is
// durable.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "engine/base/mutex.h"
#include "engine/base/time.h"
#include "engine/runtime/recent_calls.h"

namespace penstock::runtime {

struct CallFigures {
  std::int64_t waiting = 0;  // for their turn
  std::int64_t running = 0;
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  std::string last_error;
  Time last_error_time;  // of use if last_error is not empty
};

// Figures by name. Threads: safe from any. At most limits::kFiguresMax names are counted.
class Figures {
 public:
  void Waits(const std::string& name, std::int64_t by);
  void Runs(const std::string& name, std::int64_t by);
  void Succeeded(const std::string& name);
  void Failed(const std::string& name, std::string error, Time when);
  // The same of a hook's attempt that took its time, for Recent; `error` null: it succeeded.
  void Ended(const std::string& name, const std::string* error, Milliseconds took, Time when);
  // What went wrong before has passed.
  void ForgetError(const std::string& name);

  [[nodiscard]] CallFigures Of(const std::string& name) const;
  // Of what Ended told.
  [[nodiscard]] RecentFigures Recent(const std::string& name, Time now) const;

 private:
  struct Entry {
    CallFigures figures;
    std::unique_ptr<RecentCalls> recent;  // of hooks
  };

  Entry& At(const std::string& name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  Entry uncounted_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace penstock::runtime
