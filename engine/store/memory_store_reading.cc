// SPDX-License-Identifier: Apache-2.0
// What MemoryStore loads and lists.
#include <iterator>
#include <optional>
#include <utility>

#include "engine/base/status_macros.h"
#include "engine/store/memory_store.h"
#include "engine/store/names.h"

namespace penstock::store {

async::Task<std::vector<ports::RetainedContent>> MemoryStore::LoadRetained(MessageId message) {
  std::vector<ports::RetainedContent> all;
  {
    const MutexLock lock(mutex_);
    for (auto next = retained_.lower_bound({message, InvocationId()});
         next != retained_.end() && next->first.first == message; ++next) {
      all.push_back(next->second);
    }
  }
  co_await Yield();
  co_return all;
}

async::Task<std::vector<ports::CapabilityKey>> MemoryStore::LoadCapabilityKeys() {
  std::vector<ports::CapabilityKey> keys;
  {
    const MutexLock lock(mutex_);
    for (const auto& [id, key] : capability_keys_)
      keys.push_back(key);
  }
  co_await Yield();
  co_return keys;
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

}  // namespace penstock::store
