// SPDX-License-Identifier: Apache-2.0
// Which message is due when. A message that waits is 24 octets in one heap, with one timer for all;
// its state is in the store. At most limits::kMessagesActiveMax are worked on at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <boost/asio/strand.hpp>

#include "engine/async/task.h"
#include "engine/async/timer.h"
#include "engine/base/mutex.h"
#include "engine/flow/message_state.h"
#include "engine/runtime/context.h"

namespace penstock::runtime {

// Threads: safe from any.
class MessageSchedule {
 public:
  // `context` outlives it, and so does every run (Context::tasks).
  explicit MessageSchedule(Context& context);

  // Takes up what an earlier run of the process left: all messages that are not closed.
  async::Task<void> Load();

  // Runs a message just committed, now or as soon as there is room.
  void Run(flow::MessageState state);

  // Takes note that something is due for `message` at `time`.
  void Add(const MessageId& message, Time time);

  // Starts nothing any more; what runs comes to its end.
  void Stop();

  [[nodiscard]] std::size_t waiting() const;
  [[nodiscard]] std::size_t active() const;

 private:
  struct Entry {
    Time time;
    RandomBytes id;  // the UUID's octets

    friend bool operator>(const Entry& a, const Entry& b) { return a.time > b.time; }
  };

  static async::asio::awaitable<void> RunLoaded(MessageSchedule* schedule, MessageId id);
  static async::asio::awaitable<void> RunState(MessageSchedule* schedule, flow::MessageState state);
  void Finished();
  bool TakeRoom();
  void StartDue();
  void Arm(Time earliest);

  Context& context_;
  async::asio::strand<async::Executor> strand_;
  async::Timer timer_;  // used on strand_ only
  mutable Mutex mutex_;
  std::vector<Entry> heap_ ABSL_GUARDED_BY(mutex_);  // earliest first
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace penstock::runtime
