// SPDX-License-Identifier: Apache-2.0
// A store that forgets everything with the process: for the simulator and for benchmarks of what is
// not the disk. The same semantics as SqliteStore, held together by one conformance suite.
// Deterministic: no thread of its own, no clock; a commit takes effect in the call, and its
// coroutine goes on by way of its executor's queue.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/base/mutex.h"
#include "engine/ports/store.h"
#include "engine/store/record.h"

namespace penstock::store {

class MemoryStore final : public ports::Store {
 public:
  MemoryStore() = default;

  async::Task<void> Commit(ports::Transaction transaction) override;

  // Commit, at once; gives the new events their ids. For a store in front of this one that has its
  // own idea of when a commit takes effect (tests/sim/sim_store.h).
  Status Apply(ports::Transaction& transaction);

  Status CheckRoom() override { return OkStatus(); }

  StatusOr<std::unique_ptr<ports::ContentWriter>> NewContent() override;
  StatusOr<std::shared_ptr<ports::ContentReader>> OpenContent(const ContentId& id) override;
  async::Task<std::vector<ports::RetainedContent>> LoadRetained(MessageId message) override;
  async::Task<std::size_t> ReleaseRetained(Time before, std::size_t limit) override;
  async::Task<std::vector<ports::CapabilityKey>> LoadCapabilityKeys() override;
  async::Task<ports::StoredResources> LoadResources() override;
  async::Task<std::vector<ports::RecordedChange>> ListChanges(std::int64_t before,
                                                              std::size_t limit) override;
  async::Task<std::vector<ports::Wake>> LoadWakes() override;
  async::Task<flow::MessageState> LoadMessage(MessageId id) override;
  async::Task<ports::StoredMessage> LoadMessageWithHistory(MessageId id) override;
  async::Task<ports::MessagePage> ListMessages(ports::MessageFilter filter, std::size_t page_size,
                                               std::string page_token) override;
  async::Task<std::uint64_t> CountOpenMessages() override;
  async::Task<std::vector<ports::AsyncEvent>> LoadAsyncEvents(std::string hook,
                                                              std::size_t limit) override;
  async::Task<ports::DeadLetterPage> ListDeadLetters(ports::DeadLetterFilter filter,
                                                     std::size_t page_size,
                                                     std::string page_token) override;
  async::Task<ports::AsyncEvent> LoadDeadLetter(std::int64_t id) override;
  async::Task<std::vector<ports::AsyncQueueCounts>> CountAsyncEvents() override;
  async::Task<std::size_t> PurgeMessages(Time before, std::size_t limit) override;

 private:
  struct Content {
    std::shared_ptr<const std::string> octets;
    std::int64_t references = 0;  // of open messages, and of what is retained
  };

  struct HookEvents {
    std::set<std::pair<Time, std::int64_t>> queued;  // next attempt, id
    std::set<std::int64_t> dead;
    std::uint64_t dropped = 0;
  };

  using References = std::map<ContentId, std::int64_t>;  // changes of their number
  using RetainedKey = std::pair<MessageId, InvocationId>;

  // Goes once through the queue of the coroutine's executor, as a wait for a disk does.
  static async::asio::awaitable<void> Yield();
  References ReferenceChanges(const ports::Transaction& transaction) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status CheckContents(const ports::Transaction& transaction) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ChangeReferences(const References& changes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WriteMessage(ports::MessageWrite& write) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AppendHistory(ports::HistoryWrite write) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void PutEvent(ports::AsyncEvent event, bool was_queued) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool TakeEvent(std::int64_t id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WriteResource(const ports::ResourceChange& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  StatusOr<ports::StoredMessage> Find(const MessageId& id);
  StatusOr<ports::MessagePage> List(const ports::MessageFilter& filter, std::size_t page_size,
                                    std::string_view page_token);
  StatusOr<ports::DeadLetterPage> DeadLetters(const ports::DeadLetterFilter& filter,
                                              std::size_t page_size, std::string_view page_token);
  StatusOr<ports::AsyncEvent> DeadLetter(std::int64_t id);

  Mutex mutex_;
  std::uint64_t last_content_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t last_message_ ABSL_GUARDED_BY(mutex_) = 0;
  std::int64_t last_event_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t open_messages_ ABSL_GUARDED_BY(mutex_) = 0;
  std::unordered_map<ContentId, Content> contents_ ABSL_GUARDED_BY(mutex_);
  std::map<std::uint64_t, ports::StoredMessage> messages_
      ABSL_GUARDED_BY(mutex_);  // in the order of acceptance
  std::unordered_map<MessageId, std::uint64_t> numbers_ ABSL_GUARDED_BY(mutex_);
  std::map<std::int64_t, ports::AsyncEvent> events_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, HookEvents> hook_events_ ABSL_GUARDED_BY(mutex_);
  std::map<ResourceKey, Resource> resources_ ABSL_GUARDED_BY(mutex_);
  std::map<RetainedKey, ports::RetainedContent> retained_ ABSL_GUARDED_BY(mutex_);
  std::map<std::uint32_t, ports::CapabilityKey> capability_keys_ ABSL_GUARDED_BY(mutex_);
  std::vector<ports::RecordedChange> changes_ ABSL_GUARDED_BY(mutex_);  // the first has number 1
};

}  // namespace penstock::store
