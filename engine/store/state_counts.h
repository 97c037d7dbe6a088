// SPDX-License-Identifier: Apache-2.0
// What the SQLite store counts in memory, so that no one has to count rows: open messages, and each
// hook's async events with the bounds that hold for them (H12). The writer changes its own copy,
// which others see once it is committed.
// Threads: what stands under "any thread" is safe from any; the rest belongs to the writer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/base/mutex.h"
#include "engine/ports/store.h"
#include "engine/store/async_bounds.h"

namespace penstock::store {

class StateCounts {
 public:
  struct Queue {
    std::uint64_t queued = 0;
    std::uint64_t dead = 0;
    std::uint64_t dropped = 0;
    AsyncBounds bounds;
  };

  [[nodiscard]] Queue Of(const std::string& hook) const;
  void Change(const std::string& hook, const Queue& queue);
  void ChangeOpenMessages(std::int64_t by);

  // Everything that was changed after `mark` is undone.
  [[nodiscard]] std::size_t mark() const { return undo_.size(); }

  void RollBackTo(std::size_t mark);
  // Shows all changes to everyone.
  void Publish();

  // Any thread.
  [[nodiscard]] std::uint64_t open_messages() const;
  [[nodiscard]] std::vector<ports::AsyncQueueCounts> async_events() const;

 private:
  struct Undo {
    std::string hook;  // empty: of open messages
    Queue queue;
    std::int64_t open_messages = 0;
  };

  std::map<std::string, Queue> queues_;
  std::int64_t open_messages_ = 0;
  std::vector<Undo> undo_;

  mutable Mutex mutex_;
  std::map<std::string, Queue> seen_queues_ ABSL_GUARDED_BY(mutex_);
  std::int64_t seen_open_messages_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace penstock::store
