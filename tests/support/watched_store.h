// SPDX-License-Identifier: Apache-2.0
// A store that passes everything on to another, writes down which resources were changed by whom,
// and refuses or holds up commits when told to.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "engine/base/mutex.h"
#include "engine/base/status_macros.h"
#include "engine/ports/store.h"

namespace penstock::tests {

// Threads: as any store; the setters before others use it.
class WatchedStore final : public ports::Store {
 public:
  // `store` outlives it.
  explicit WatchedStore(ports::Store& store) : store_(store) {}

  // From now on commits end with `status` and do nothing; OK: they work again.
  void RefuseCommits(Status status) {
    const MutexLock lock(mutex_);
    refusal_ = std::move(status);
  }

  // From now on a commit takes so much longer.
  void DelayCommits(Milliseconds delay) {
    const MutexLock lock(mutex_);
    delay_ = delay;
  }

  // From now on CheckRoom says what `room` says.
  void SetRoom(std::function<Status()> room) {
    const MutexLock lock(mutex_);
    room_ = std::move(room);
  }

  // All changes that were committed, in order.
  [[nodiscard]] std::vector<ports::ResourceChange> changes() const {
    const MutexLock lock(mutex_);
    return changes_;
  }

  // How many commits have been asked for.
  [[nodiscard]] std::size_t begun() const {
    const MutexLock lock(mutex_);
    return begun_;
  }

  async::Task<void> Commit(ports::Transaction transaction) override {
    CountOne();
    std::vector<ports::ResourceChange> changes = transaction.resources;
    const Milliseconds delay = Delay();
    if (delay > Milliseconds(0)) {
      async::asio::steady_timer timer(co_await async::asio::this_coro::executor, delay);
      co_await timer.async_wait(async::asio::use_awaitable);
    }
    const Status refusal = Refusal();
    PENSTOCK_CO_RETURN_IF_ERROR(refusal);
    const Status committed = co_await store_.Commit(std::move(transaction));
    PENSTOCK_CO_RETURN_IF_ERROR(committed);
    Note(std::move(changes));
    co_return OkStatus();
  }

  Status CheckRoom() override {
    std::function<Status()> room;
    {
      const MutexLock lock(mutex_);
      room = room_;
    }
    return room ? room() : store_.CheckRoom();
  }

  StatusOr<std::unique_ptr<ports::ContentWriter>> NewContent() override {
    return store_.NewContent();
  }

  StatusOr<std::shared_ptr<ports::ContentReader>> OpenContent(const ContentId& id) override {
    return store_.OpenContent(id);
  }

  async::Task<std::vector<ports::RetainedContent>> LoadRetained(MessageId message) override {
    return store_.LoadRetained(std::move(message));
  }

  async::Task<std::size_t> ReleaseRetained(Time before, std::size_t limit) override {
    return store_.ReleaseRetained(before, limit);
  }

  async::Task<std::vector<ports::CapabilityKey>> LoadCapabilityKeys() override {
    return store_.LoadCapabilityKeys();
  }

  async::Task<ports::StoredResources> LoadResources() override { return store_.LoadResources(); }

  async::Task<std::vector<ports::RecordedChange>> ListChanges(std::int64_t before,
                                                              std::size_t limit) override {
    return store_.ListChanges(before, limit);
  }

  async::Task<std::vector<ports::Wake>> LoadWakes() override { return store_.LoadWakes(); }

  async::Task<flow::MessageState> LoadMessage(MessageId id) override {
    return store_.LoadMessage(std::move(id));
  }

  async::Task<ports::StoredMessage> LoadMessageWithHistory(MessageId id) override {
    return store_.LoadMessageWithHistory(std::move(id));
  }

  async::Task<ports::MessagePage> ListMessages(ports::MessageFilter filter, std::size_t page_size,
                                               std::string page_token) override {
    return store_.ListMessages(std::move(filter), page_size, std::move(page_token));
  }

  async::Task<std::uint64_t> CountOpenMessages() override { return store_.CountOpenMessages(); }

  async::Task<std::vector<ports::AsyncEvent>> LoadAsyncEvents(std::string hook,
                                                              std::size_t limit) override {
    return store_.LoadAsyncEvents(std::move(hook), limit);
  }

  async::Task<ports::DeadLetterPage> ListDeadLetters(ports::DeadLetterFilter filter,
                                                     std::size_t page_size,
                                                     std::string page_token) override {
    return store_.ListDeadLetters(std::move(filter), page_size, std::move(page_token));
  }

  async::Task<ports::AsyncEvent> LoadDeadLetter(std::int64_t id) override {
    return store_.LoadDeadLetter(id);
  }

  async::Task<std::vector<ports::AsyncQueueCounts>> CountAsyncEvents() override {
    return store_.CountAsyncEvents();
  }

  async::Task<std::size_t> PurgeMessages(Time before, std::size_t limit) override {
    return store_.PurgeMessages(before, limit);
  }

 private:
  void CountOne() {
    const MutexLock lock(mutex_);
    ++begun_;
  }

  [[nodiscard]] Status Refusal() const {
    const MutexLock lock(mutex_);
    return refusal_;
  }

  [[nodiscard]] Milliseconds Delay() const {
    const MutexLock lock(mutex_);
    return delay_;
  }

  void Note(std::vector<ports::ResourceChange> changes) {
    const MutexLock lock(mutex_);
    changes_.insert(changes_.end(), changes.begin(), changes.end());
  }

  ports::Store& store_;
  mutable Mutex mutex_;
  std::size_t begun_ ABSL_GUARDED_BY(mutex_) = 0;
  Status refusal_ ABSL_GUARDED_BY(mutex_);
  Milliseconds delay_ ABSL_GUARDED_BY(mutex_){0};
  std::function<Status()> room_ ABSL_GUARDED_BY(mutex_);
  std::vector<ports::ResourceChange> changes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace penstock::tests
