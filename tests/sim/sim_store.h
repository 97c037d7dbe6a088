// SPDX-License-Identifier: Apache-2.0
// A store on a disk that takes its time, fails and loses power: a MemoryStore is the disk, and what
// waits before it is lost with the process. A commit takes effect at one instant, in the order of
// the calls; its caller hears of it later, or never.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/async/timer.h"
#include "engine/ports/store.h"
#include "engine/store/memory_store.h"
#include "tests/sim/dice.h"

namespace penstock::sim {

// How the disk is now. The simulation changes it as time goes on.
struct DiskWeather {
  bool full = false;        // nothing can be written
  bool broken = false;      // neither written nor read
  double flaw = 0;          // chance that one call fails
  Milliseconds slowest{0};  // a sync takes up to this long
};

// Where a process may be cut off inside a commit.
enum class CommitPoint { kBefore, kBetween, kAfter };

// What has just become durable.
struct Durable {
  std::vector<ports::MessageWrite> messages;
  std::vector<ports::AsyncEvent> new_async_events;  // with their ids
  std::vector<ports::AsyncEvent> changed_async_events;
  std::vector<std::int64_t> done_async_events;
  std::vector<ports::ResourceChange> resources;
};

// Who watches the disk. Both may be left empty.
struct DiskWatch {
  std::function<void(const Durable&)> on_durable;  // at the instant of its effect
  std::function<bool(CommitPoint)> is_cut_off;     // true: the process ends here
  std::function<void(const char* what)> on_fault;  // a call is about to fail
};

// One for each life of the process. Threads: one.
class SimStore final : public ports::Store {
 public:
  // `disk`, `weather` and `watch` outlive it. Commits are written on `executor`.
  SimStore(store::MemoryStore& disk, const DiskWeather& weather, const DiskWatch& watch, Dice dice,
           async::Executor executor);

  async::Task<void> Commit(ports::Transaction transaction) override;
  Status CheckRoom() override;
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
  struct Waiting {
    Waiting(ports::Transaction t, const async::Executor& executor)
        : transaction(std::move(t)), timer(executor) {}

    ports::Transaction transaction;
    async::Timer timer;  // cancelled when the commit is done
    bool done = false;
    Status status;
  };

  using WaitingPtr = std::shared_ptr<Waiting>;

  static async::asio::awaitable<void> Write(SimStore* store);
  static void Finish(const WaitingPtr& waiting, Status status);
  Status Apply(ports::Transaction& transaction);
  Status Fault(const char* what, bool writes);
  [[nodiscard]] bool IsCutOff(CommitPoint point) const;

  store::MemoryStore& disk_;
  const DiskWeather& weather_;
  const DiskWatch& watch_;
  Dice dice_;
  const async::Executor executor_;
  std::deque<WaitingPtr> queue_;
  bool writing_ = false;
};

}  // namespace penstock::sim
