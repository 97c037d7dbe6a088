// SPDX-License-Identifier: Apache-2.0
// Which message is due when. A message that waits is 24 octets in one heap, with one timer for all;
// its state is in the store. At most limits::kMessagesActiveMax are worked on at a time, each by
// one run; an administrator's wish goes to that run, or begins one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "engine/async/task.h"
#include "engine/async/timer.h"
#include "engine/base/mutex.h"
#include "engine/flow/message_state.h"
#include "engine/runtime/context.h"
#include "engine/runtime/held_call.h"
#include "engine/runtime/inbox.h"

namespace penstock::runtime {

// Threads: safe from any.
class MessageSchedule {
 public:
  // `context` outlives it, and so does every run (Context::tasks).
  explicit MessageSchedule(Context& context);

  // Takes up what an earlier run of the process left: all messages that are not closed.
  async::Task<void> Load();

  // Runs a message just committed, now or as soon as there is room. `held`: its calls that run
  // already; where there is no room, they are made again.
  void Run(flow::MessageState state, HeldCalls held = {});

  // Takes note that something is due for `message` at `time`.
  void Add(const MessageId& message, Time time);

  // Retries or cancels a message, in turn with whatever else happens to it. Returns when that is on
  // disk.
  //   Errors: those of MessageMachine::Intervene and of Store::LoadMessage; kUnavailable while the
  //   context stops; kResourceExhausted past limits::kInterventionsMax at a time.
  async::Task<void> Intervene(MessageId message, flow::Intervention what);

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

  using InboxPtr = std::shared_ptr<Inbox>;

  static async::asio::awaitable<void> RunLoaded(MessageSchedule* schedule, RandomBytes id,
                                                InboxPtr inbox);
  static async::asio::awaitable<void> RunState(MessageSchedule* schedule, RandomBytes id,
                                               flow::MessageState state, HeldCalls held,
                                               InboxPtr inbox);
  bool Finish(const RandomBytes& id, Inbox& inbox, std::optional<Time> wake);
  Status Put(const RandomBytes& id, PendingIntervention intervention);
  void Push(const RandomBytes& id, Time time) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Remove(const RandomBytes& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  InboxPtr Begin(const RandomBytes& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void StartDue();
  void Arm(Time earliest);

  Context& context_;
  const async::Executor strand_;
  async::Timer timer_;  // used on strand_ only
  mutable Mutex mutex_;
  std::vector<Entry> heap_ ABSL_GUARDED_BY(mutex_);               // earliest first
  std::map<RandomBytes, InboxPtr> runs_ ABSL_GUARDED_BY(mutex_);  // one for each message active
  std::size_t interventions_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace penstock::runtime
