// SPDX-License-Identifier: Apache-2.0
// The thread that reads for coroutines, so that none of theirs waits for the disk. Reads are done
// in the order of the calls.
#pragma once

#include <deque>
#include <thread>

#include "absl/functional/any_invocable.h"

#include "engine/base/mutex.h"
#include "engine/base/status.h"

namespace penstock::store {

// Threads: safe from any.
class ReadThread {
 public:
  // Called with OK on the thread; or at once, where it cannot read, with the reason.
  using Read = absl::AnyInvocable<void(Status)>;

  ReadThread();
  // Ends what has been submitted.
  ~ReadThread();

  ReadThread(const ReadThread&) = delete;
  ReadThread& operator=(const ReadThread&) = delete;

  // Errors given to `read`: kResourceExhausted if limits::kReadQueueMax reads wait already.
  void Submit(Read read);

 private:
  void Run();

  Mutex mutex_;
  ConditionVariable wake_;
  std::deque<Read> waiting_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it runs as soon as it is made
};

}  // namespace penstock::store
