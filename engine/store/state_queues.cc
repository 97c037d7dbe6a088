// SPDX-License-Identifier: Apache-2.0
// Async events with their bounds, and resources with their changes: the writing side.
#include <optional>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/store/names.h"
#include "engine/store/state_tables.h"

namespace penstock::store {

Status StateTables::WriteResource(const PreparedResource& resource) {
  const std::string_view kind = resource.key.kind;
  const std::string_view name = resource.key.name;
  std::optional<std::string> before;
  Status status;
  find_resource_.Begin(kind, name);
  if (find_resource_.Next(status)) {
    before = find_resource_.Octets(1);
    find_resource_.Reset();
  }
  PENSTOCK_RETURN_IF_ERROR(status);
  std::optional<Blob> before_blob;
  std::optional<Blob> after_blob;
  if (before) before_blob = Blob{*before};
  if (resource.removed) {
    PENSTOCK_RETURN_IF_ERROR(delete_resource_.Run(kind, name));
  } else {
    after_blob = Blob{resource.record};
    PENSTOCK_RETURN_IF_ERROR(put_resource_.Run(
        kind, name, RecordChecksum(resource.key.name, resource.record), *after_blob));
  }
  if (kind == kHookKind) {
    StateCounts::Queue queue = counts_.Of(resource.key.name);
    queue.bounds = resource.hook ? BoundsOf(*resource.hook) : AsyncBounds{};
    counts_.Change(resource.key.name, queue);
  }
  return insert_change_.Run(resource.when, std::string_view(resource.who), kind, name, before_blob,
                            after_blob);
}

Status StateTables::EndEvent(std::int64_t id) {
  Status status;
  find_event_.Begin(id);
  if (!find_event_.Next(status)) return status;
  const std::string hook(find_event_.Octets(0));
  const bool dead = find_event_.Int(1) != 0;
  find_event_.Reset();
  PENSTOCK_RETURN_IF_ERROR(delete_event_.Run(id));
  StateCounts::Queue queue = counts_.Of(hook);
  --(dead ? queue.dead : queue.queued);
  counts_.Change(hook, queue);
  return OkStatus();
}

// For an event that comes into the queue.
Status StateTables::RefuseIfFull(ports::AsyncEvent& event) {
  const StateCounts::Queue queue = counts_.Of(event.hook);
  if (event.dead || queue.queued < queue.bounds.queue_max) return OkStatus();
  const flow::HistoryEntry entry = SendToDeadLetters(queue.bounds, event);
  consequences_.queue_full.emplace_back(event.hook, event.id);
  return AppendHistory({event.event.message_id.text(), PrepareHistory({entry})});
}

Status StateTables::AddEvent(ports::AsyncEvent event) {
  event.id = ++last_event_;
  PENSTOCK_RETURN_IF_ERROR(RefuseIfFull(event));
  const std::string record = EncodeAsyncEvent(event);
  PENSTOCK_RETURN_IF_ERROR(insert_event_.Run(event.id, std::string_view(event.hook), event.dead,
                                             ToUnixMillis(event.next_attempt),
                                             RecordChecksum(Cat(event.id), record), Blob{record}));
  StateCounts::Queue queue = counts_.Of(event.hook);
  ++(event.dead ? queue.dead : queue.queued);
  counts_.Change(event.hook, queue);
  return event.dead ? DropDeadLetters(event.hook) : OkStatus();
}

Status StateTables::ChangeEvent(ports::AsyncEvent event) {
  Status status;
  find_event_.Begin(event.id);
  if (!find_event_.Next(status)) return status.ok() ? AsyncEventNotFound(event.id) : status;
  const std::string hook(find_event_.Octets(0));
  const bool was_dead = find_event_.Int(1) != 0;
  find_event_.Reset();
  StateCounts::Queue old_queue = counts_.Of(hook);
  --(was_dead ? old_queue.dead : old_queue.queued);
  counts_.Change(hook, old_queue);
  if (was_dead || hook != event.hook) PENSTOCK_RETURN_IF_ERROR(RefuseIfFull(event));
  StateCounts::Queue queue = counts_.Of(event.hook);
  ++(event.dead ? queue.dead : queue.queued);
  counts_.Change(event.hook, queue);
  const std::string record = EncodeAsyncEvent(event);
  PENSTOCK_RETURN_IF_ERROR(
      update_event_.Run(std::string_view(event.hook), event.dead, ToUnixMillis(event.next_attempt),
                        RecordChecksum(Cat(event.id), record), Blob{record}, event.id));
  return event.dead ? DropDeadLetters(event.hook) : OkStatus();
}

Status StateTables::DropDeadLetters(const std::string& hook) {
  StateCounts::Queue queue = counts_.Of(hook);
  if (queue.dead <= queue.bounds.dead_letters_max) return OkStatus();
  while (queue.dead > queue.bounds.dead_letters_max) {
    Status status;
    oldest_dead_letter_.Begin(std::string_view(hook));
    if (!oldest_dead_letter_.Next(status)) {
      PENSTOCK_RETURN_IF_ERROR(status);
      return Internal(Cat("dead letters of hook ", hook, ": ", queue.dead, " counted, none found"));
    }
    const std::int64_t id = oldest_dead_letter_.Int(0);
    oldest_dead_letter_.Reset();
    PENSTOCK_RETURN_IF_ERROR(delete_event_.Run(id));
    --queue.dead;
    ++queue.dropped;
    consequences_.dropped.emplace_back(hook, id);
  }
  counts_.Change(hook, queue);
  const std::string counter = Cat("dropped/", hook);
  return put_counter_.Run(std::string_view(counter), queue.dropped);
}

}  // namespace penstock::store
