// SPDX-License-Identifier: Apache-2.0
#include "engine/store/state_counts.h"

namespace penstock::store {

StateCounts::Queue StateCounts::Of(const std::string& hook) const {
  const auto queue = queues_.find(hook);
  return queue == queues_.end() ? Queue{} : queue->second;
}

void StateCounts::Change(const std::string& hook, const Queue& queue) {
  Queue& now = queues_[hook];
  undo_.push_back({hook, now, 0});
  now = queue;
}

void StateCounts::ChangeOpenMessages(std::int64_t by) {
  undo_.push_back({{}, {}, open_messages_});
  open_messages_ += by;
}

void StateCounts::RollBackTo(std::size_t mark) {
  for (; undo_.size() > mark; undo_.pop_back()) {
    const Undo& last = undo_.back();
    if (last.hook.empty()) {
      open_messages_ = last.open_messages;
    } else {
      queues_[last.hook] = last.queue;
    }
  }
}

void StateCounts::Publish() {
  const MutexLock lock(mutex_);
  seen_open_messages_ = open_messages_;
  for (const Undo& changed : undo_) {
    if (!changed.hook.empty()) seen_queues_[changed.hook] = queues_[changed.hook];
  }
  undo_.clear();
}

std::uint64_t StateCounts::open_messages() const {
  const MutexLock lock(mutex_);
  return static_cast<std::uint64_t>(seen_open_messages_);
}

std::vector<ports::AsyncQueueCounts> StateCounts::async_events() const {
  const MutexLock lock(mutex_);
  std::vector<ports::AsyncQueueCounts> counts;
  for (const auto& [hook, queue] : seen_queues_) {
    if (queue.queued == 0 && queue.dead == 0 && queue.dropped == 0) continue;
    counts.push_back({hook, queue.queued, queue.dead, queue.dropped});
  }
  return counts;
}

}  // namespace penstock::store
