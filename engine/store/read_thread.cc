// SPDX-License-Identifier: Apache-2.0
#include "engine/store/read_thread.h"

#include <utility>

#include "engine/base/limits.h"
#include "engine/base/strings.h"

namespace penstock::store {

ReadThread::ReadThread() : thread_([this] { Run(); }) {}

ReadThread::~ReadThread() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void ReadThread::Submit(Read read) {
  {
    const MutexLock lock(mutex_);
    if (waiting_.size() < limits::kReadQueueMax) {
      waiting_.push_back(std::move(read));
      wake_.notify_one();
      return;
    }
  }
  read(ResourceExhausted(
      Cat("store: ", limits::kReadQueueMax, " reads wait for the disk already; try again")));
}

void ReadThread::Run() {
  for (;;) {
    Read read;
    {
      const MutexLock lock(mutex_);
      while (waiting_.empty()) {
        if (stopping_) return;
        wake_.wait(mutex_);
      }
      read = std::move(waiting_.front());
      waiting_.pop_front();
    }
    read(OkStatus());
  }
}

}  // namespace penstock::store
