// SPDX-License-Identifier: Apache-2.0
#include "engine/store/memory_store.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <span>
#include <variant>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/store/async_bounds.h"
#include "engine/store/names.h"

namespace penstock::store {
namespace {

using flow::MessagePhase;

class MemoryReader final : public ports::ContentReader {
 public:
  explicit MemoryReader(std::shared_ptr<const std::string> octets) : octets_(std::move(octets)) {}

  [[nodiscard]] std::uint64_t octets() const override { return octets_->size(); }

  StatusOr<std::size_t> Read(std::uint64_t offset, std::span<char> buffer) const override {
    if (offset >= octets_->size()) return std::size_t{0};
    return octets_->copy(buffer.data(), buffer.size(), static_cast<std::size_t>(offset));
  }

 private:
  const std::shared_ptr<const std::string> octets_;
};

class MemoryContent final : public ports::ContentWriter {
 public:
  explicit MemoryContent(ContentId id) : id_(std::move(id)) {}

  [[nodiscard]] const ContentId& id() const override { return id_; }

  [[nodiscard]] std::uint64_t octets() const override { return octets_.size(); }

  Status Write(std::string_view octets) override {
    octets_.append(octets);
    return OkStatus();
  }

  [[nodiscard]] StatusOr<std::shared_ptr<ports::ContentReader>> Open() const override {
    return std::make_shared<MemoryReader>(std::make_shared<const std::string>(octets_));
  }

  std::string Take() { return std::move(octets_); }

 private:
  const ContentId id_;
  std::string octets_;
};

bool IsOpen(const flow::MessageState& state) {
  return Phase(state) != MessagePhase::kClosed;
}

}  // namespace

async::asio::awaitable<void> MemoryStore::Yield() {
  const async::Executor executor = co_await async::asio::this_coro::executor;
  co_await async::asio::post(executor, async::asio::use_awaitable);
}

async::Task<void> MemoryStore::Commit(ports::Transaction transaction) {
  const Status status = Apply(transaction);
  co_await Yield();
  co_return status;
}

Status MemoryStore::Apply(ports::Transaction& transaction) {
  const MutexLock lock(mutex_);
  // All that can fail comes before the first change.
  PENSTOCK_RETURN_IF_ERROR(CheckContents(transaction));
  for (const ports::AsyncEvent& event : transaction.changed_async_events) {
    if (!events_.contains(event.id)) return AsyncEventNotFound(event.id);
  }
  const References references = ReferenceChanges(transaction);
  for (const auto& content : transaction.contents) {
    auto* memory = dynamic_cast<MemoryContent*>(content.get());
    PENSTOCK_CHECK(memory != nullptr);
    contents_[memory->id()].octets = std::make_shared<const std::string>(memory->Take());
  }
  for (ports::MessageWrite& write : transaction.messages)
    WriteMessage(write);
  for (ports::RetainedContent& retained : transaction.retained)
    retained_.insert_or_assign({retained.message, retained.invocation}, std::move(retained));
  ChangeReferences(references);
  for (ports::CapabilityKey& key : transaction.new_capability_keys)
    capability_keys_.insert_or_assign(key.id, std::move(key));
  for (const std::uint32_t id : transaction.removed_capability_keys)
    capability_keys_.erase(id);
  // Resources first: a hook's bounds hold for the events of the same transaction.
  for (const ports::ResourceChange& change : transaction.resources)
    WriteResource(change);
  for (const std::int64_t id : transaction.done_async_events)
    TakeEvent(id);
  for (ports::AsyncEvent& event : transaction.changed_async_events) {
    const bool was_queued = TakeEvent(event.id);
    PutEvent(std::move(event), was_queued);
  }
  for (ports::AsyncEvent& event : transaction.new_async_events) {
    event.id = ++last_event_;
    PutEvent(std::move(event), false);
  }
  for (ports::HistoryWrite& write : transaction.history)
    AppendHistory(std::move(write));
  transaction.contents.clear();
  return OkStatus();
}

// Every content that an open message refers to, or that is to be retained, is there.
Status MemoryStore::CheckContents(const ports::Transaction& transaction) const {
  const auto check = [&](const MessageId& message, const ContentId& id) {
    const auto is_it = [&id](const auto& content) { return content->id() == id; };
    const bool is_there = contents_.contains(id) || std::any_of(transaction.contents.begin(),
                                                                transaction.contents.end(), is_it);
    return is_there ? OkStatus() : ContentMissing(message.text(), id);
  };
  for (const ports::MessageWrite& write : transaction.messages) {
    if (!IsOpen(write.state)) continue;
    PENSTOCK_RETURN_IF_ERROR(check(write.state.id, write.state.content));
    for (const ContentId& id : ReplacedContents(write.state))
      PENSTOCK_RETURN_IF_ERROR(check(write.state.id, id));
  }
  for (const ports::RetainedContent& retained : transaction.retained)
    PENSTOCK_RETURN_IF_ERROR(check(retained.message, retained.content));
  return OkStatus();
}

MemoryStore::References MemoryStore::ReferenceChanges(const ports::Transaction& transaction) const {
  References changes;
  const auto count = [&changes](const flow::MessageState& state, std::int64_t by) {
    if (!IsOpen(state)) return;
    changes[state.content] += by;
    for (const ContentId& id : ReplacedContents(state))
      changes[id] += by;
  };
  std::unordered_map<MessageId, const flow::MessageState*> written;
  for (const auto& content : transaction.contents)
    changes[content->id()] = 0;
  for (const ports::MessageWrite& write : transaction.messages) {
    const flow::MessageState*& last = written[write.state.id];
    const auto number = numbers_.find(write.state.id);
    if (last == nullptr && number != numbers_.end()) last = &messages_.at(number->second).state;
    if (last != nullptr) count(*last, -1);
    count(write.state, 1);
    last = &write.state;
  }
  std::map<RetainedKey, ContentId> retained;
  for (const ports::RetainedContent& one : transaction.retained) {
    const RetainedKey key = {one.message, one.invocation};
    const auto before = retained_.find(key);
    const auto [last, is_first] = retained.try_emplace(key, one.content);
    if (!is_first) --changes[std::exchange(last->second, one.content)];
    if (is_first && before != retained_.end()) --changes[before->second.content];
    ++changes[one.content];
  }
  return changes;
}

void MemoryStore::ChangeReferences(const References& changes) {
  for (const auto& [id, change] : changes) {
    const auto content = contents_.find(id);
    if (content == contents_.end()) continue;
    content->second.references += change;
    if (content->second.references <= 0) contents_.erase(content);
  }
}

void MemoryStore::WriteMessage(ports::MessageWrite& write) {
  const auto [number, added] = numbers_.try_emplace(write.state.id, last_message_ + 1);
  if (added) ++last_message_;
  ports::StoredMessage& message = messages_[number->second];
  if (!added && IsOpen(message.state)) --open_messages_;
  if (IsOpen(write.state)) ++open_messages_;
  message.state = std::move(write.state);
  message.history.insert(message.history.end(), std::make_move_iterator(write.history.begin()),
                         std::make_move_iterator(write.history.end()));
}

void MemoryStore::AppendHistory(ports::HistoryWrite write) {
  const auto number = numbers_.find(write.message);
  if (number == numbers_.end()) return;
  auto& entries = messages_.at(number->second).history;
  std::move(write.history.begin(), write.history.end(), std::back_inserter(entries));
}

bool MemoryStore::TakeEvent(std::int64_t id) {
  const auto event = events_.find(id);
  if (event == events_.end()) return false;
  HookEvents& hook = hook_events_[event->second.hook];
  const bool was_queued = !event->second.dead;
  hook.queued.erase({event->second.next_attempt, id});
  hook.dead.erase(id);
  events_.erase(event);
  return was_queued;
}

void MemoryStore::PutEvent(ports::AsyncEvent event, bool was_queued) {
  HookEvents& hook = hook_events_[event.hook];
  const auto stored = resources_.find({std::string(kHookKind), event.hook});
  const AsyncBounds bounds =
      stored == resources_.end() ? AsyncBounds{} : BoundsOf(std::get<flow::Hook>(stored->second));
  if (!event.dead && !was_queued && hook.queued.size() >= bounds.queue_max) {
    AppendHistory({event.event.message_id, {SendToDeadLetters(bounds, event)}});
    ReportQueueFull(event.hook, event.id);
  }
  if (!event.dead) {
    hook.queued.emplace(event.next_attempt, event.id);
  } else {
    hook.dead.insert(event.id);
  }
  const std::int64_t id = event.id;
  const std::string name = event.hook;
  events_.insert_or_assign(id, std::move(event));
  while (hook.dead.size() > bounds.dead_letters_max) {
    ++hook.dropped;
    ReportDroppedDeadLetter(name, *hook.dead.begin());
    TakeEvent(*hook.dead.begin());
  }
}

void MemoryStore::WriteResource(const ports::ResourceChange& change) {
  ports::RecordedChange& recorded = changes_.emplace_back();
  recorded.number = static_cast<std::int64_t>(changes_.size());
  recorded.when = change.when;
  recorded.who = change.who;
  const auto stored = resources_.find(KeyOf(change.resource));
  if (stored != resources_.end()) recorded.before = stored->second;
  if (!change.removed) recorded.after = change.resource;
  if (change.removed) {
    resources_.erase(KeyOf(change.resource));
  } else {
    resources_.insert_or_assign(KeyOf(change.resource), change.resource);
  }
}

StatusOr<std::unique_ptr<ports::ContentWriter>> MemoryStore::NewContent() {
  const MutexLock lock(mutex_);
  return std::make_unique<MemoryContent>(FormatContentId(++last_content_));
}

StatusOr<std::shared_ptr<ports::ContentReader>> MemoryStore::OpenContent(const ContentId& id) {
  const MutexLock lock(mutex_);
  const auto content = contents_.find(id);
  if (content == contents_.end()) return ContentNotFound(id);
  return std::make_shared<MemoryReader>(content->second.octets);
}

async::Task<std::size_t> MemoryStore::ReleaseRetained(Time before, std::size_t limit) {
  std::size_t released = 0;
  {
    const MutexLock lock(mutex_);
    std::multimap<Time, RetainedKey> all;
    for (const auto& [key, retained] : retained_) {
      if (retained.until < before) all.emplace(retained.until, key);
    }
    for (const auto& [until, key] : all) {
      if (released == limit) break;
      ChangeReferences({{retained_.at(key).content, -1}});
      retained_.erase(key);
      ++released;
    }
  }
  co_await Yield();
  co_return released;
}

async::Task<std::size_t> MemoryStore::PurgeMessages(Time before, std::size_t limit) {
  std::size_t purged = 0;
  {
    const MutexLock lock(mutex_);
    for (auto message = messages_.begin(); message != messages_.end() && purged < limit;) {
      const flow::MessageState& state = message->second.state;
      if (IsOpen(state) || state.received >= before) {
        ++message;
        continue;
      }
      numbers_.erase(state.id);
      message = messages_.erase(message);
      ++purged;
    }
  }
  co_await Yield();
  co_return purged;
}

}  // namespace penstock::store
