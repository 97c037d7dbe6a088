// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/sim_store.h"

#include <tuple>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "engine/async/deadline.h"
#include "engine/async/spawn.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

namespace penstock::sim {

namespace asio = async::asio;

namespace {

constexpr std::size_t kBatchMax = 8;

// Content that no octet more may be written to, for want of space or of a disk that works.
class LameContent final : public ports::ContentWriter {
 public:
  LameContent(std::unique_ptr<ContentWriter> content, Status fault)
      : content_(std::move(content)), fault_(std::move(fault)) {}

  [[nodiscard]] const ContentId& id() const override { return content_->id(); }

  [[nodiscard]] std::uint64_t octets() const override { return content_->octets(); }

  Status Write(std::string_view /*octets*/) override { return fault_; }

  [[nodiscard]] StatusOr<std::shared_ptr<ports::ContentReader>> Open() const override {
    return fault_;
  }

 private:
  const std::unique_ptr<ContentWriter> content_;
  const Status fault_;
};

asio::awaitable<void> Forever() {
  const async::Executor executor = co_await asio::this_coro::executor;
  async::Timer never(executor);
  never.expires_at(async::SteadyClock::time_point::max());
  co_await never.async_wait(asio::use_awaitable);
}

}  // namespace

SimStore::SimStore(store::MemoryStore& disk, const DiskWeather& weather, const DiskWatch& watch,
                   Dice dice, async::Executor executor)
    : disk_(disk), weather_(weather), watch_(watch), dice_(dice), executor_(std::move(executor)) {}

Status SimStore::Fault(const char* what, bool writes) {
  const bool fails = weather_.broken || (writes && weather_.full) ||
                     (weather_.flaw > 0 && dice_.Chance(weather_.flaw));
  if (!fails) return OkStatus();
  if (watch_.on_fault) watch_.on_fault(what);
  // A read fails so when too many wait before it.
  if (!writes && dice_.Chance(0.3)) return ResourceExhausted(Cat(what, ": too many reads wait"));
  return Unavailable(Cat(what, ": the simulated disk fails"));
}

bool SimStore::IsCutOff(CommitPoint point) const {
  return watch_.is_cut_off && watch_.is_cut_off(point);
}

async::Task<void> SimStore::Commit(ports::Transaction transaction) {
  const async::Executor executor = co_await asio::this_coro::executor;
  if (weather_.flaw > 0 && dice_.Chance(weather_.flaw / 4)) {
    if (watch_.on_fault) watch_.on_fault("commit queue full");
    co_return ResourceExhausted("the simulated queue of commits is full");
  }
  const auto waiting = std::make_shared<Waiting>(std::move(transaction), executor);
  waiting->timer.expires_at(async::SteadyClock::time_point::max());
  queue_.push_back(waiting);
  if (!std::exchange(writing_, true)) async::Spawn(executor_, Write(this), "simulated disk");
  // Finish posts the cancellation to this executor, so that it cannot come before the wait.
  while (!waiting->done) {
    std::ignore = co_await waiting->timer.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  co_return waiting->status;
}

asio::awaitable<void> SimStore::Write(SimStore* store) {
  while (!store->queue_.empty()) {
    std::vector<WaitingPtr> batch;
    const std::size_t size = 1 + store->dice_.Below(kBatchMax);
    for (; batch.size() < size && !store->queue_.empty(); store->queue_.pop_front()) {
      batch.push_back(store->queue_.front());
    }
    if (store->IsCutOff(CommitPoint::kBefore)) co_await Forever();
    if (store->weather_.slowest.count() > 0) {
      const Milliseconds sync = store->dice_.Between(Milliseconds(0), store->weather_.slowest);
      const Status slept = co_await async::Sleep(sync);
      if (!slept.ok()) co_return;
    }
    const Status fault = store->Fault("commit", true);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (i > 0 && store->IsCutOff(CommitPoint::kBetween)) co_await Forever();
      batch[i]->status = fault.ok() ? store->Apply(batch[i]->transaction) : fault;
    }
    if (store->IsCutOff(CommitPoint::kAfter)) co_await Forever();
    for (const WaitingPtr& waiting : batch)
      Finish(waiting, waiting->status);
  }
  store->writing_ = false;
}

void SimStore::Finish(const WaitingPtr& waiting, Status status) {
  waiting->transaction = {};
  waiting->status = std::move(status);
  waiting->done = true;
  asio::post(waiting->timer.get_executor(), [waiting] { waiting->timer.cancel(); });
}

Status SimStore::Apply(ports::Transaction& transaction) {
  Durable durable;
  if (watch_.on_durable) {
    durable = {transaction.messages,
               {},
               transaction.changed_async_events,
               transaction.done_async_events,
               transaction.resources};
    durable.new_async_events = transaction.new_async_events;
  }
  PENSTOCK_RETURN_IF_ERROR(disk_.Apply(transaction));
  for (std::size_t i = 0; i < durable.new_async_events.size(); ++i)
    durable.new_async_events[i].id = transaction.new_async_events[i].id;
  if (watch_.on_durable) watch_.on_durable(durable);
  return OkStatus();
}

Status SimStore::CheckRoom() {
  if (weather_.full) return ResourceExhausted("the simulated disk is full");
  return Fault("room", true);
}

StatusOr<std::unique_ptr<ports::ContentWriter>> SimStore::NewContent() {
  PENSTOCK_RETURN_IF_ERROR(Fault("new content", true));
  PENSTOCK_ASSIGN_OR_RETURN(auto content, disk_.NewContent());
  Status fault = Fault("content", true);
  if (fault.ok()) return content;
  return std::make_unique<LameContent>(std::move(content), std::move(fault));
}

StatusOr<std::shared_ptr<ports::ContentReader>> SimStore::OpenContent(const ContentId& id) {
  PENSTOCK_RETURN_IF_ERROR(Fault("open content", false));
  return disk_.OpenContent(id);
}

async::Task<std::vector<ports::RetainedContent>> SimStore::LoadRetained(MessageId message) {
  PENSTOCK_CO_RETURN_IF_ERROR(Fault("load retained", false));
  co_return co_await disk_.LoadRetained(std::move(message));
}

async::Task<std::size_t> SimStore::ReleaseRetained(Time before, std::size_t limit) {
  PENSTOCK_CO_RETURN_IF_ERROR(Fault("release retained", true));
  co_return co_await disk_.ReleaseRetained(before, limit);
}

async::Task<std::vector<ports::CapabilityKey>> SimStore::LoadCapabilityKeys() {
  PENSTOCK_CO_RETURN_IF_ERROR(Fault("load capability keys", false));
  co_return co_await disk_.LoadCapabilityKeys();
}

async::Task<ports::StoredResources> SimStore::LoadResources() {
  PENSTOCK_CO_RETURN_IF_ERROR(Fault("load resources", false));
  co_return co_await disk_.LoadResources();
}

async::Task<std::vector<ports::RecordedChange>> SimStore::ListChanges(std::int64_t before,
                                                                      std::size_t limit) {
  PENSTOCK_CO_RETURN_IF_ERROR(Fault("list changes", false));
  co_return co_await disk_.ListChanges(before, limit);
}

async::Task<std::vector<ports::Wake>> SimStore::LoadWakes() {
  PENSTOCK_CO_RETURN_IF_ERROR(Fault("load wakes", false));
  co_return co_await disk_.LoadWakes();
}

async::Task<flow::MessageState> SimStore::LoadMessage(MessageId id) {
  PENSTOCK_CO_RETURN_IF_ERROR(Fault("load message", false));
  co_return co_await disk_.LoadMessage(std::move(id));
}

async::Task<ports::StoredMessage> SimStore::LoadMessageWithHistory(MessageId id) {
  PENSTOCK_CO_RETURN_IF_ERROR(Fault("load history", false));
  co_return co_await disk_.LoadMessageWithHistory(std::move(id));
}

async::Task<ports::MessagePage> SimStore::ListMessages(ports::MessageFilter filter,
                                                       std::size_t page_size,
                                                       std::string page_token) {
  PENSTOCK_CO_RETURN_IF_ERROR(Fault("list messages", false));
  co_return co_await disk_.ListMessages(std::move(filter), page_size, std::move(page_token));
}

async::Task<std::uint64_t> SimStore::CountOpenMessages() {
  PENSTOCK_CO_RETURN_IF_ERROR(Fault("count messages", false));
  co_return co_await disk_.CountOpenMessages();
}

async::Task<std::vector<ports::AsyncEvent>> SimStore::LoadAsyncEvents(std::string hook,
                                                                      std::size_t limit) {
  PENSTOCK_CO_RETURN_IF_ERROR(Fault("load events", false));
  co_return co_await disk_.LoadAsyncEvents(std::move(hook), limit);
}

async::Task<ports::DeadLetterPage> SimStore::ListDeadLetters(ports::DeadLetterFilter filter,
                                                             std::size_t page_size,
                                                             std::string page_token) {
  PENSTOCK_CO_RETURN_IF_ERROR(Fault("list dead letters", false));
  co_return co_await disk_.ListDeadLetters(std::move(filter), page_size, std::move(page_token));
}

async::Task<ports::AsyncEvent> SimStore::LoadDeadLetter(std::int64_t id) {
  PENSTOCK_CO_RETURN_IF_ERROR(Fault("load dead letter", false));
  co_return co_await disk_.LoadDeadLetter(id);
}

async::Task<std::vector<ports::AsyncQueueCounts>> SimStore::CountAsyncEvents() {
  PENSTOCK_CO_RETURN_IF_ERROR(Fault("count events", false));
  co_return co_await disk_.CountAsyncEvents();
}

async::Task<std::size_t> SimStore::PurgeMessages(Time before, std::size_t limit) {
  PENSTOCK_CO_RETURN_IF_ERROR(Fault("purge", true));
  co_return co_await disk_.PurgeMessages(before, limit);
}

}  // namespace penstock::sim
