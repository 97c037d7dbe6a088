// SPDX-License-Identifier: Apache-2.0
#include "engine/store/state_tables.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/store/names.h"

namespace penstock::store {
namespace {

// The message for which a transaction needs a content; for an error message.
std::string_view UserOf(std::uint64_t content, const PreparedTransaction& transaction) {
  const ContentId id = FormatContentId(content);
  for (const PreparedMessage& message : transaction.messages) {
    if (!message.is_open()) continue;
    if (message.content == content || message.replaced.find(id.text()) != std::string::npos)
      return message.id;
  }
  for (const PreparedRetained& retained : transaction.retained) {
    if (retained.content == content) return retained.message;
  }
  return {};
}

}  // namespace

std::string HistoryKey(std::int64_t message, std::int64_t sequence) {
  return Cat(message, "/", sequence);
}

StatusOr<std::unique_ptr<StateTables>> StateTables::Open(Database database) {
  std::unique_ptr<StateTables> tables(new StateTables(std::move(database)));
  PENSTOCK_RETURN_IF_ERROR(tables->PrepareStatements());
  PENSTOCK_RETURN_IF_ERROR(tables->Count());
  return tables;
}

Status StateTables::PrepareStatements() {
  const std::pair<Statement*, std::string_view> statements[] = {
      {&begin_, "BEGIN IMMEDIATE"},
      {&commit_, "COMMIT"},
      {&roll_back_, "ROLLBACK"},
      {&savepoint_, "SAVEPOINT step"},
      {&release_, "RELEASE step"},
      {&undo_savepoint_, "ROLLBACK TO step"},
      {&touch_, "UPDATE counters SET value = value + 1 WHERE name = 'repairs'"},
      {&find_message_, "SELECT number, phase, content, replaced FROM messages WHERE id = ?"},
      {&insert_message_,
       "INSERT INTO messages (number, id, organization, phase, wake, received, content, replaced,"
       " checksum, record) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
      {&update_message_,
       "UPDATE messages SET organization = ?, phase = ?, wake = ?, received = ?, content = ?,"
       " replaced = ?, checksum = ?, record = ? WHERE number = ?"},
      {&delete_message_, "DELETE FROM messages WHERE number = ?"},
      {&insert_history_,
       "INSERT INTO history (message, sequence, time, checksum, record) VALUES (?, ?, ?, ?, ?)"},
      {&delete_history_, "DELETE FROM history WHERE message = ?"},
      {&find_history_,
       "SELECT sequence, time, checksum, record FROM history WHERE message = ?1 AND"
       " sequence = ifnull(?2, (SELECT max(sequence) FROM history WHERE message = ?1))"},
      {&update_history_,
       "UPDATE history SET checksum = ?, record = ? WHERE message = ? AND sequence = ?"},
      {&insert_content_,
       "INSERT INTO contents (number, uses, octets, checksum, blocks, data)"
       " VALUES (?, ?, ?, ?, ?, ?)"},
      {&find_content_, "SELECT uses, octets, checksum, blocks FROM contents WHERE number = ?"},
      {&update_content_, "UPDATE contents SET uses = ? WHERE number = ?"},
      {&delete_content_, "DELETE FROM contents WHERE number = ?"},
      {&find_resource_, "SELECT checksum, record FROM resources WHERE kind = ? AND name = ?"},
      {&put_resource_,
       "INSERT INTO resources (kind, name, checksum, record) VALUES (?, ?, ?, ?)"
       " ON CONFLICT DO UPDATE SET checksum = excluded.checksum, record = excluded.record"},
      {&delete_resource_, "DELETE FROM resources WHERE kind = ? AND name = ?"},
      {&insert_change_,
       "INSERT INTO changes (time, who, kind, name, before, after) VALUES (?, ?, ?, ?, ?, ?)"},
      {&find_event_, "SELECT hook, dead FROM async_events WHERE id = ?"},
      {&insert_event_,
       "INSERT INTO async_events (id, hook, dead, next_attempt, checksum, record)"
       " VALUES (?, ?, ?, ?, ?, ?)"},
      {&update_event_,
       "UPDATE async_events SET hook = ?, dead = ?, next_attempt = ?, checksum = ?, record = ?"
       " WHERE id = ?"},
      {&delete_event_, "DELETE FROM async_events WHERE id = ?"},
      {&oldest_dead_letter_,
       "SELECT id FROM async_events WHERE hook = ? AND dead = 1 ORDER BY id LIMIT 1"},
      {&put_counter_,
       "INSERT INTO counters (name, value) VALUES (?, ?)"
       " ON CONFLICT DO UPDATE SET value = excluded.value"},
      {&read_message_,
       "SELECT number, phase, content, checksum, record FROM messages WHERE id = ?"},
      {&read_event_, "SELECT hook, dead, checksum, record FROM async_events WHERE id = ?"},
      {&find_purgeable_,
       "SELECT number, id, checksum, record FROM messages INDEXED BY messages_closed"
       " WHERE phase = 3 AND received < ? ORDER BY received LIMIT ?"},
      {&park_,
       "INSERT INTO parked (kind, key, reason, message, content, checksum, record)"
       " VALUES (?, ?, ?, ?, ?, ?, ?)"},
  };
  for (const auto& [statement, sql] : statements) {
    PENSTOCK_ASSIGN_OR_RETURN(*statement, database_.Prepare(sql));
  }
  return PrepareRetention();
}

// Counts rows by way of indexes, and reads the bounds of hooks.
Status StateTables::Count() {
  PENSTOCK_ASSIGN_OR_RETURN(
      last_message_, database_.QueryInt("SELECT max(ifnull((SELECT max(number) FROM messages), 0),"
                                        " ifnull((SELECT max(message) FROM history), 0),"
                                        " ifnull((SELECT max(message) FROM parked), 0))"));
  // AUTOINCREMENT keeps the largest id that there ever was.
  PENSTOCK_ASSIGN_OR_RETURN(
      last_event_,
      database_.QueryInt(
          "SELECT ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'async_events'), 0)"));
  PENSTOCK_ASSIGN_OR_RETURN(
      const std::int64_t open,
      database_.QueryInt(
          "SELECT count(*) FROM messages INDEXED BY messages_open WHERE phase <> 3"));
  counts_.ChangeOpenMessages(open);
  std::map<std::string, StateCounts::Queue> queues;
  Status status;
  PENSTOCK_ASSIGN_OR_RETURN(
      Statement queued,
      database_.Prepare("SELECT hook, count(*) FROM async_events WHERE dead = 0 GROUP BY hook"));
  while (queued.Next(status))
    queues[std::string(queued.Octets(0))].queued = static_cast<std::uint64_t>(queued.Int(1));
  PENSTOCK_RETURN_IF_ERROR(status);
  PENSTOCK_ASSIGN_OR_RETURN(
      Statement dead,
      database_.Prepare("SELECT hook, count(*) FROM async_events WHERE dead = 1 GROUP BY hook"));
  while (dead.Next(status))
    queues[std::string(dead.Octets(0))].dead = static_cast<std::uint64_t>(dead.Int(1));
  PENSTOCK_RETURN_IF_ERROR(status);
  PENSTOCK_ASSIGN_OR_RETURN(
      Statement dropped,
      database_.Prepare("SELECT substr(name, 9), value FROM counters WHERE name GLOB 'dropped/*'"));
  while (dropped.Next(status))
    queues[std::string(dropped.Octets(0))].dropped = static_cast<std::uint64_t>(dropped.Int(1));
  PENSTOCK_RETURN_IF_ERROR(status);
  PENSTOCK_ASSIGN_OR_RETURN(
      Statement hooks, database_.Prepare("SELECT name, record FROM resources WHERE kind = 'hook'"));
  while (hooks.Next(status)) {
    const StatusOr<flow::Hook> hook = DecodeHook(hooks.Octets(1));
    if (hook.ok()) queues[std::string(hooks.Octets(0))].bounds = BoundsOf(*hook);
  }
  PENSTOCK_RETURN_IF_ERROR(status);
  for (const auto& [hook, queue] : queues)
    counts_.Change(hook, queue);
  counts_.Publish();
  return OkStatus();
}

Status StateTables::Begin() {
  return begin_.Run();
}

StateTables::Mark StateTables::CurrentMark() const {
  return {consequences_.kept.size(),
          consequences_.freed.size(),
          consequences_.gone.size(),
          consequences_.queue_full.size(),
          consequences_.dropped.size(),
          consequences_.parked.size(),
          counts_.mark()};
}

void StateTables::Forget(const Mark& mark) {
  consequences_.kept.resize(mark.kept);
  consequences_.freed.resize(mark.freed);
  consequences_.gone.resize(mark.gone);
  consequences_.queue_full.resize(mark.queue_full);
  consequences_.dropped.resize(mark.dropped);
  consequences_.parked.resize(mark.parked);
  counts_.RollBackTo(mark.counts);
}

Status StateTables::BeginStep() {
  step_ = CurrentMark();
  return savepoint_.Run();
}

Status StateTables::EndStep() {
  return release_.Run();
}

Status StateTables::UndoStep() {
  Forget(step_);
  PENSTOCK_RETURN_IF_ERROR(undo_savepoint_.Run());
  return release_.Run();
}

Status StateTables::RollBack() {
  Forget({});
  if (!database_.in_transaction()) return OkStatus();
  return roll_back_.Run();
}

Status StateTables::Commit() {
  return commit_.Run();
}

Status StateTables::Touch() {
  return touch_.Run();
}

StateTables::Consequences StateTables::TakeConsequences() {
  counts_.Publish();
  return std::exchange(consequences_, {});
}

Status StateTables::Apply(const PreparedTransaction& transaction) {
  UseChanges uses;
  for (const PreparedMessage& message : transaction.messages)
    PENSTOCK_RETURN_IF_ERROR(WriteMessage(message, uses));
  for (const PreparedRetained& retained : transaction.retained)
    PENSTOCK_RETURN_IF_ERROR(WriteRetained(retained, uses));
  PENSTOCK_RETURN_IF_ERROR(WriteContents(transaction, uses));
  // Resources first: a hook's bounds hold for the events of the same transaction.
  for (const PreparedResource& resource : transaction.resources)
    PENSTOCK_RETURN_IF_ERROR(WriteResource(resource));
  for (const std::int64_t id : transaction.done_async_events)
    PENSTOCK_RETURN_IF_ERROR(EndEvent(id));
  for (const ports::AsyncEvent& event : transaction.changed_async_events)
    PENSTOCK_RETURN_IF_ERROR(ChangeEvent(event));
  for (const ports::AsyncEvent& event : transaction.new_async_events)
    PENSTOCK_RETURN_IF_ERROR(AddEvent(event));
  for (const PreparedHistoryWrite& write : transaction.history)
    PENSTOCK_RETURN_IF_ERROR(AppendHistory(write));
  return WriteCapabilityKeys(transaction);
}

StatusOr<std::optional<StateTables::StoredRow>> StateTables::FindMessage(std::string_view id) {
  std::optional<StoredRow> row;
  Status status;
  find_message_.Begin(id);
  if (find_message_.Next(status)) {
    row = {find_message_.Int(0), find_message_.Int(1) != kClosedPhaseCode,
           static_cast<std::uint64_t>(find_message_.Int(2)),
           ParseContentIds(find_message_.Octets(3))};
    find_message_.Reset();
  }
  PENSTOCK_RETURN_IF_ERROR(status);
  return row;
}

Status StateTables::WriteMessage(const PreparedMessage& message, UseChanges& uses) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::optional<StoredRow> stored, FindMessage(message.id));
  const bool was_open = stored && stored->is_open;
  if (was_open) --uses[stored->content];
  if (message.is_open()) ++uses[message.content];
  if (was_open) {
    for (const std::uint64_t content : stored->replaced)
      --uses[content];
  }
  if (message.is_open()) {
    for (const std::uint64_t content : ParseContentIds(message.replaced))
      ++uses[content];
  }
  if (was_open != message.is_open()) counts_.ChangeOpenMessages(message.is_open() ? 1 : -1);
  const std::uint32_t checksum = RecordChecksum(message.id, message.record);
  std::optional<std::string_view> replaced;
  if (!message.replaced.empty()) replaced = message.replaced;
  std::int64_t number = 0;
  if (stored) {
    number = stored->number;
    PENSTOCK_RETURN_IF_ERROR(update_message_.Run(
        std::string_view(message.organization), message.phase, message.wake, message.received,
        message.content, replaced, checksum, Blob{message.record}, number));
  } else {
    number = ++last_message_;
    PENSTOCK_RETURN_IF_ERROR(insert_message_.Run(
        number, std::string_view(message.id), std::string_view(message.organization), message.phase,
        message.wake, message.received, message.content, replaced, checksum, Blob{message.record}));
  }
  return AddHistory(number, message.history, !stored);
}

// `is_first`: the message has no history yet.
Status StateTables::AddHistory(std::int64_t number, const PreparedHistory& history, bool is_first) {
  if (history.record.empty()) return OkStatus();
  std::int64_t sequence = 1;
  if (!is_first) {
    Status status;
    find_history_.Begin(number, std::optional<std::int64_t>());
    if (find_history_.Next(status)) {
      sequence = find_history_.Int(0) + 1;
      find_history_.Reset();
    }
    PENSTOCK_RETURN_IF_ERROR(status);
  }
  return insert_history_.Run(number, sequence, history.time,
                             RecordChecksum(HistoryKey(number, sequence), history.record),
                             Blob{history.record});
}

Status StateTables::AppendHistory(const PreparedHistoryWrite& write) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::optional<StoredRow> stored, FindMessage(write.message));
  return stored ? AddHistory(stored->number, write.history, false) : OkStatus();
}

// Adds the contents that an open message refers to or that are retained, and counts the uses of
// older ones.
Status StateTables::WriteContents(const PreparedTransaction& transaction, const UseChanges& uses) {
  std::map<std::uint64_t, const PreparedContent*> added;
  for (const PreparedContent& content : transaction.contents)
    added.emplace(content.staged->number(), &content);
  for (const auto& [number, change] : uses) {
    if (change == 0) continue;
    const auto found = added.find(number);
    if (found == added.end()) {
      PENSTOCK_RETURN_IF_ERROR(ChangeUses(number, change, transaction));
      continue;
    }
    const PreparedContent& content = *found->second;
    const bool is_inline = content.blocks.empty();
    std::optional<Blob> blocks;
    std::optional<Blob> data;
    (is_inline ? data : blocks) =
        Blob{is_inline ? content.staged->inline_octets() : content.blocks};
    PENSTOCK_RETURN_IF_ERROR(insert_content_.Run(number, change, content.staged->octets(),
                                                 content.checksum, blocks, data));
    consequences_.kept.push_back(content.staged.get());
  }
  return OkStatus();
}

Status StateTables::ChangeUses(std::uint64_t content, std::int64_t by,
                               const PreparedTransaction& transaction) {
  Status status;
  find_content_.Begin(content);
  if (!find_content_.Next(status)) {
    PENSTOCK_RETURN_IF_ERROR(status);
    const ContentId id = FormatContentId(content);
    if (by > 0) return ContentMissing(UserOf(content, transaction), id);
    Log(LogLevel::kError, "content_row_missing", {{"content", id.text()}});
    return OkStatus();
  }
  const std::int64_t uses = find_content_.Int(0) + by;
  std::optional<BlockList> freed;
  if (uses <= 0 && !find_content_.IsNull(3)) {
    const std::string_view blocks = find_content_.Octets(3);
    const Status sound = CheckRecord(FormatContentId(content).text(), blocks, find_content_.Int(2));
    StatusOr<BlockList> list =
        DecodeBlocks(blocks, static_cast<std::uint64_t>(find_content_.Int(1)));
    // Of a damaged row nobody knows what to free: the next start does.
    if (sound.ok() && list.ok()) freed = *std::move(list);
  }
  find_content_.Reset();
  if (uses > 0) return update_content_.Run(uses, content);
  if (freed) consequences_.freed.push_back(*std::move(freed));
  consequences_.gone.push_back(content);
  return delete_content_.Run(content);
}

}  // namespace penstock::store
