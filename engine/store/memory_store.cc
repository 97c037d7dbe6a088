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

class MemoryContent final : public ports::ContentWriter {
 public:
  explicit MemoryContent(ContentId id) : id_(std::move(id)) {}

  [[nodiscard]] const ContentId& id() const override { return id_; }

  [[nodiscard]] std::uint64_t octets() const override { return octets_.size(); }

  Status Write(std::string_view octets) override {
    octets_.append(octets);
    return OkStatus();
  }

  std::string Take() { return std::move(octets_); }

 private:
  const ContentId id_;
  std::string octets_;
};

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

bool IsOpen(const flow::MessageState& state) {
  return Phase(state) != MessagePhase::kClosed;
}

// Goes once through the queue of the coroutine's executor, as a wait for a disk does.
async::asio::awaitable<void> Yield() {
  const async::Executor executor = co_await async::asio::this_coro::executor;
  co_await async::asio::post(executor, async::asio::use_awaitable);
}

}  // namespace

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
  const std::map<ContentId, std::int64_t> references = ReferenceChanges(transaction);
  for (const auto& content : transaction.contents) {
    auto* memory = dynamic_cast<MemoryContent*>(content.get());
    PENSTOCK_CHECK(memory != nullptr);
    contents_[memory->id()].octets = std::make_shared<const std::string>(memory->Take());
  }
  for (const auto& [id, change] : references) {
    const auto content = contents_.find(id);
    if (content != contents_.end()) content->second.references += change;
  }
  for (ports::MessageWrite& write : transaction.messages)
    WriteMessage(write);
  for (const auto& [id, change] : references) {
    const auto content = contents_.find(id);
    if (content != contents_.end() && content->second.references <= 0) contents_.erase(content);
  }
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

Status MemoryStore::CheckContents(const ports::Transaction& transaction) const {
  for (const ports::MessageWrite& write : transaction.messages) {
    const flow::MessageState& state = write.state;
    if (!IsOpen(state) || contents_.contains(state.content)) continue;
    const bool here =
        std::any_of(transaction.contents.begin(), transaction.contents.end(),
                    [&state](const auto& content) { return content->id() == state.content; });
    if (!here) return ContentMissing(state);
  }
  return OkStatus();
}

std::map<ContentId, std::int64_t> MemoryStore::ReferenceChanges(
    const ports::Transaction& transaction) const {
  std::map<ContentId, std::int64_t> changes;
  std::unordered_map<MessageId, const flow::MessageState*> written;
  for (const auto& content : transaction.contents)
    changes[content->id()] = 0;
  for (const ports::MessageWrite& write : transaction.messages) {
    const flow::MessageState*& last = written[write.state.id];
    const auto number = numbers_.find(write.state.id);
    if (last == nullptr && number != numbers_.end()) last = &messages_.at(number->second).state;
    if (last != nullptr && IsOpen(*last)) --changes[last->content];
    if (IsOpen(write.state)) ++changes[write.state.content];
    last = &write.state;
  }
  return changes;
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

async::Task<ports::StoredResources> MemoryStore::LoadResources() {
  ports::StoredResources resources;
  {
    const MutexLock lock(mutex_);
    for (const auto& [key, resource] : resources_)
      AddResource(resource, resources);
  }
  co_await Yield();
  co_return resources;
}

async::Task<std::vector<ports::RecordedChange>> MemoryStore::ListChanges(std::int64_t before,
                                                                         std::size_t limit) {
  std::vector<ports::RecordedChange> changes;
  {
    const MutexLock lock(mutex_);
    for (auto change = changes_.rbegin(); change != changes_.rend(); ++change) {
      if (changes.size() == limit) break;
      if (change->number < before) changes.push_back(*change);
    }
  }
  co_await Yield();
  co_return changes;
}

async::Task<std::vector<ports::Wake>> MemoryStore::LoadWakes() {
  std::vector<ports::Wake> wakes;
  {
    const MutexLock lock(mutex_);
    for (const auto& [number, message] : messages_) {
      const std::optional<Time> time = WakeTime(message.state);
      if (time) wakes.push_back({message.state.id, *time, Phase(message.state)});
    }
  }
  co_await Yield();
  co_return wakes;
}

StatusOr<ports::StoredMessage> MemoryStore::Find(const MessageId& id) {
  const MutexLock lock(mutex_);
  const auto number = numbers_.find(id);
  if (number == numbers_.end()) return MessageNotFound(id);
  return messages_.at(number->second);
}

async::Task<flow::MessageState> MemoryStore::LoadMessage(MessageId id) {
  StatusOr<ports::StoredMessage> found = Find(id);
  co_await Yield();
  if (!found.ok()) co_return found.status();
  co_return std::move(found->state);
}

async::Task<ports::StoredMessage> MemoryStore::LoadMessageWithHistory(MessageId id) {
  StatusOr<ports::StoredMessage> found = Find(id);
  co_await Yield();
  co_return found;
}

async::Task<ports::MessagePage> MemoryStore::ListMessages(ports::MessageFilter filter,
                                                          std::size_t page_size,
                                                          std::string page_token) {
  StatusOr<ports::MessagePage> page = List(filter, page_size, page_token);
  co_await Yield();
  co_return page;
}

StatusOr<ports::MessagePage> MemoryStore::List(const ports::MessageFilter& filter,
                                               std::size_t page_size, std::string_view page_token) {
  page_size = PageSize(page_size);
  PENSTOCK_ASSIGN_OR_RETURN(const std::uint64_t before, ParsePageToken(page_token));
  ports::MessagePage page;
  std::uint64_t last = 0;
  const MutexLock lock(mutex_);
  auto next = std::make_reverse_iterator(messages_.lower_bound(before));
  for (; next != messages_.rend(); ++next) {
    const auto& [number, message] = *next;
    if (filter.phase && Phase(message.state) != *filter.phase) continue;
    if (!filter.organization.empty() && message.state.organization != filter.organization) continue;
    if (page.messages.size() == page_size) {
      page.next_page_token = FormatPageToken(last);
      break;
    }
    page.messages.push_back(message.state);
    last = number;
  }
  return page;
}

async::Task<std::uint64_t> MemoryStore::CountOpenMessages() {
  std::uint64_t count = 0;
  {
    const MutexLock lock(mutex_);
    count = open_messages_;
  }
  co_await Yield();
  co_return count;
}

async::Task<std::vector<ports::AsyncEvent>> MemoryStore::LoadAsyncEvents(std::string hook,
                                                                         std::size_t limit) {
  std::vector<ports::AsyncEvent> events;
  {
    const MutexLock lock(mutex_);
    const auto found = hook_events_.find(hook);
    if (found != hook_events_.end()) {
      for (const auto& [time, id] : found->second.queued) {
        if (events.size() == limit) break;
        events.push_back(events_.at(id));
      }
    }
  }
  co_await Yield();
  co_return events;
}

StatusOr<ports::DeadLetterPage> MemoryStore::DeadLetters(const ports::DeadLetterFilter& filter,
                                                         std::size_t page_size,
                                                         std::string_view page_token) {
  page_size = PageSize(page_size);
  PENSTOCK_ASSIGN_OR_RETURN(const std::int64_t after, ParseDeadLetterToken(page_token));
  ports::DeadLetterPage page;
  const MutexLock lock(mutex_);
  for (auto next = events_.upper_bound(after); next != events_.end(); ++next) {
    const ports::AsyncEvent& event = next->second;
    if (!event.dead || (!filter.hook.empty() && event.hook != filter.hook)) continue;
    if (!filter.organization.empty() && event.organization != filter.organization) continue;
    if (page.events.size() == page_size) {
      page.next_page_token = FormatPageToken(static_cast<std::uint64_t>(page.events.back().id));
      break;
    }
    page.events.push_back(event);
  }
  return page;
}

async::Task<ports::DeadLetterPage> MemoryStore::ListDeadLetters(ports::DeadLetterFilter filter,
                                                                std::size_t page_size,
                                                                std::string page_token) {
  StatusOr<ports::DeadLetterPage> page = DeadLetters(filter, page_size, page_token);
  co_await Yield();
  co_return page;
}

StatusOr<ports::AsyncEvent> MemoryStore::DeadLetter(std::int64_t id) {
  const MutexLock lock(mutex_);
  const auto event = events_.find(id);
  if (event == events_.end() || !event->second.dead) return DeadLetterNotFound(id);
  return event->second;
}

async::Task<ports::AsyncEvent> MemoryStore::LoadDeadLetter(std::int64_t id) {
  StatusOr<ports::AsyncEvent> event = DeadLetter(id);
  co_await Yield();
  co_return event;
}

async::Task<std::vector<ports::AsyncQueueCounts>> MemoryStore::CountAsyncEvents() {
  std::vector<ports::AsyncQueueCounts> counts;
  {
    const MutexLock lock(mutex_);
    for (const auto& [name, hook] : hook_events_) {
      if (hook.queued.empty() && hook.dead.empty() && hook.dropped == 0) continue;
      counts.push_back({name, hook.queued.size(), hook.dead.size(), hook.dropped});
    }
  }
  co_await Yield();
  co_return counts;
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
