// SPDX-License-Identifier: Apache-2.0
#include "engine/store/state_reader.h"

#include <optional>
#include <utility>

#include "engine/base/log.h"
#include "engine/base/metrics.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/store/content.h"
#include "engine/store/names.h"
#include "engine/store/record.h"

namespace penstock::store {
namespace {

StatusOr<flow::MessageState> ReadMessage(std::string_view id, std::int64_t checksum,
                                         std::string_view record) {
  PENSTOCK_RETURN_IF_ERROR(CheckRecord(id, record, checksum));
  return DecodeMessage(record);
}

}  // namespace

StatusOr<std::unique_ptr<StateReader>> StateReader::Open(Database database, ReportDamage report) {
  std::unique_ptr<StateReader> reader(new StateReader(std::move(database)));
  reader->report_ = std::move(report);
  PENSTOCK_RETURN_IF_ERROR(reader->PrepareStatements());
  return reader;
}

Status StateReader::PrepareStatements() {
  const std::pair<Statement*, std::string_view> statements[] = {
      {&find_message_, "SELECT number, checksum, record FROM messages WHERE id = ?"},
      {&find_parked_, "SELECT reason FROM parked WHERE kind = 'message' AND key = ?"},
      {&read_history_,
       "SELECT sequence, time, checksum, record FROM history WHERE message = ? ORDER BY sequence"},
      {&read_wakes_,
       "SELECT id, wake, phase FROM messages INDEXED BY messages_open WHERE phase <> 3"},
      {&read_resources_, "SELECT kind, name, checksum, record FROM resources ORDER BY kind, name"},
      {&read_changes_,
       "SELECT number, time, who, kind, before, after FROM changes WHERE number < ?"
       " ORDER BY number DESC LIMIT ?"},
      {&read_retained_,
       "SELECT invocation, content, until FROM retained WHERE message = ? ORDER BY invocation"},
      {&read_capability_keys_,
       "SELECT id, made, checksum, secret FROM capability_keys ORDER BY id"},
      {&read_events_,
       "SELECT id, checksum, record FROM async_events WHERE hook = ? AND dead = 0"
       " ORDER BY next_attempt, id LIMIT ?"},
      {&find_dead_letter_,
       "SELECT id, checksum, record FROM async_events WHERE id = ? AND dead = 1"},
      {&list_dead_letters_,
       "SELECT id, checksum, record FROM async_events NOT INDEXED WHERE id > ? AND dead = 1"
       " ORDER BY id"},
      {&list_dead_letters_of_,
       "SELECT id, checksum, record FROM async_events INDEXED BY async_events_dead"
       " WHERE id > ? AND hook = ? AND dead = 1 ORDER BY id"},
      // What reads in which order is said outright: the planner knows nothing of what there is.
      {&list_,
       "SELECT number, id, checksum, record FROM messages NOT INDEXED"
       " WHERE number < ?1 ORDER BY number DESC"},
      {&list_closed_,
       "SELECT number, id, checksum, record FROM messages NOT INDEXED"
       " WHERE number < ?1 AND phase = 3 ORDER BY number DESC"},
      {&list_open_,
       "SELECT number, id, checksum, record FROM messages INDEXED BY messages_open"
       " WHERE number < ?1 AND phase = ?2 AND phase <> 3 ORDER BY number DESC"},
      {&list_of_,
       "SELECT number, id, checksum, record FROM messages INDEXED BY messages_of_organization"
       " WHERE number < ?1 AND organization = ?2 ORDER BY number DESC"},
      {&list_closed_of_,
       "SELECT number, id, checksum, record FROM messages INDEXED BY messages_of_organization"
       " WHERE number < ?1 AND organization = ?2 AND phase = 3 ORDER BY number DESC"},
      {&list_open_of_,
       "SELECT number, id, checksum, record FROM messages INDEXED BY messages_open"
       " WHERE number < ?1 AND organization = ?2 AND phase = ?3 AND phase <> 3"
       " ORDER BY number DESC"},
  };
  for (const auto& [statement, sql] : statements) {
    PENSTOCK_ASSIGN_OR_RETURN(*statement, database_.Prepare(sql));
  }
  return OkStatus();
}

StatusOr<ports::StoredResources> StateReader::LoadResources() {
  ports::StoredResources resources;
  Status status;
  read_resources_.Begin();
  while (read_resources_.Next(status)) {
    const std::string_view kind = read_resources_.Octets(0);
    const std::string_view name = read_resources_.Octets(1);
    StatusOr<Resource> resource =
        DecodeResource(kind, name, read_resources_.Int(2), read_resources_.Octets(3));
    if (resource.ok()) {
      AddResource(*std::move(resource), resources);
    } else {
      report_({std::string(kind), std::string(name), 0, std::string(Message(resource.status()))});
    }
  }
  PENSTOCK_RETURN_IF_ERROR(status);
  return resources;
}

StatusOr<std::vector<ports::RecordedChange>> StateReader::ListChanges(std::int64_t before,
                                                                      std::size_t limit) {
  std::vector<ports::RecordedChange> changes;
  Status status;
  read_changes_.Begin(before, limit);
  while (read_changes_.Next(status)) {
    ports::RecordedChange change;
    change.number = read_changes_.Int(0);
    change.when = FromUnixMillis(read_changes_.Int(1));
    change.who = read_changes_.Octets(2);
    Status sound = ReadSide(4, change.before);
    if (sound.ok()) sound = ReadSide(5, change.after);
    if (!sound.ok()) {
      Log(LogLevel::kError, "change_damaged",
          {{"change", Cat(change.number)}, {"reason", std::string(Message(sound))}});
      change.before.reset();
      change.after.reset();
    }
    changes.push_back(std::move(change));
  }
  PENSTOCK_RETURN_IF_ERROR(status);
  return changes;
}

// What a change made of, or from: the record in `column` of read_changes_.
Status StateReader::ReadSide(int column, std::optional<Resource>& side) {
  if (read_changes_.IsNull(column)) return OkStatus();
  PENSTOCK_ASSIGN_OR_RETURN(side,
                            DecodeResource(read_changes_.Octets(3), read_changes_.Octets(column)));
  return OkStatus();
}

StatusOr<std::vector<ports::Wake>> StateReader::LoadWakes() {
  std::vector<ports::Wake> wakes;
  Status status;
  read_wakes_.Begin();
  while (read_wakes_.Next(status)) {
    wakes.push_back({MessageId(std::string(read_wakes_.Octets(0))),
                     FromUnixMillis(read_wakes_.Int(1)), OpenPhaseOf(read_wakes_.Int(2))});
  }
  PENSTOCK_RETURN_IF_ERROR(status);
  return wakes;
}

StatusOr<flow::MessageState> StateReader::FindMessage(const MessageId& id, std::int64_t& number) {
  const std::string_view key = id.text();
  Status status;
  find_message_.Begin(key);
  if (find_message_.Next(status)) {
    number = find_message_.Int(0);
    StatusOr<flow::MessageState> state =
        ReadMessage(key, find_message_.Int(1), find_message_.Octets(2));
    find_message_.Reset();
    if (state.ok()) return state;
    report_({std::string(kMessageKind), id.text(), 0, std::string(Message(state.status()))});
    return Annotate(state.status(), Cat("message ", Printable(key), " is damaged and put aside"));
  }
  PENSTOCK_RETURN_IF_ERROR(status);
  find_parked_.Begin(key);
  if (find_parked_.Next(status)) {
    const std::string reason(find_parked_.Octets(0));
    find_parked_.Reset();
    return DataLoss(Cat("message ", Printable(key), " is damaged and put aside: ", reason));
  }
  PENSTOCK_RETURN_IF_ERROR(status);
  return MessageNotFound(id);
}

StatusOr<flow::MessageState> StateReader::LoadMessage(const MessageId& id) {
  std::int64_t number = 0;
  return FindMessage(id, number);
}

StatusOr<ports::StoredMessage> StateReader::LoadMessageWithHistory(const MessageId& id) {
  ports::StoredMessage message;
  std::int64_t number = 0;
  PENSTOCK_ASSIGN_OR_RETURN(message.state, FindMessage(id, number));
  PENSTOCK_ASSIGN_OR_RETURN(message.history, ReadHistory(number));
  return message;
}

StatusOr<std::vector<flow::HistoryEntry>> StateReader::ReadHistory(std::int64_t number) {
  std::vector<flow::HistoryEntry> history;
  Status status;
  read_history_.Begin(number);
  while (read_history_.Next(status)) {
    const std::int64_t sequence = read_history_.Int(0);
    const std::string_view record = read_history_.Octets(3);
    Status sound = CheckRecord(HistoryKey(number, sequence), record, read_history_.Int(2));
    if (sound.ok()) {
      StatusOr<std::vector<flow::HistoryEntry>> entries = DecodeHistory(record);
      sound = entries.status();
      if (entries.ok()) {
        history.insert(history.end(), std::make_move_iterator(entries->begin()),
                       std::make_move_iterator(entries->end()));
      }
    }
    if (sound.ok()) continue;
    const std::string reason(Message(sound));
    history.push_back(DamagedHistoryEntry(FromUnixMillis(read_history_.Int(1)), reason));
    report_({std::string(kHistoryKind), Cat(number), sequence, reason});
  }
  PENSTOCK_RETURN_IF_ERROR(status);
  return history;
}

Statement& StateReader::BeginList(const ports::MessageFilter& filter, std::uint64_t before) {
  const std::string_view organization = filter.organization;
  const bool closed = filter.phase == flow::MessagePhase::kClosed;
  const std::int64_t phase = filter.phase ? PhaseCode(*filter.phase) : 0;
  if (organization.empty()) {
    if (filter.phase && !closed) {
      list_open_.Begin(before, phase);
      return list_open_;
    }
    Statement& list = closed ? list_closed_ : list_;
    list.Begin(before);
    return list;
  }
  if (filter.phase && !closed) {
    list_open_of_.Begin(before, organization, phase);
    return list_open_of_;
  }
  Statement& list = closed ? list_closed_of_ : list_of_;
  list.Begin(before, organization);
  return list;
}

StatusOr<ports::MessagePage> StateReader::ListMessages(const ports::MessageFilter& filter,
                                                       std::size_t page_size,
                                                       std::string_view page_token) {
  page_size = PageSize(page_size);
  PENSTOCK_ASSIGN_OR_RETURN(const std::uint64_t before, ParsePageToken(page_token));
  Statement& list = BeginList(filter, before);
  ports::MessagePage page;
  std::uint64_t last = 0;
  Status status;
  while (list.Next(status)) {
    if (page.messages.size() == page_size) {
      page.next_page_token = FormatPageToken(last);
      list.Reset();
      break;
    }
    last = static_cast<std::uint64_t>(list.Int(0));
    const std::string_view id = list.Octets(1);
    StatusOr<flow::MessageState> state = ReadMessage(id, list.Int(2), list.Octets(3));
    if (state.ok()) {
      page.messages.push_back(*std::move(state));
    } else {
      report_(
          {std::string(kMessageKind), std::string(id), 0, std::string(Message(state.status()))});
    }
  }
  PENSTOCK_RETURN_IF_ERROR(status);
  return page;
}

StatusOr<ports::AsyncEvent> StateReader::ReadEvent(const Statement& row) {
  const std::int64_t id = row.Int(0);
  const std::string_view record = row.Octets(2);
  const Status sound = CheckRecord(Cat(id), record, row.Int(1));
  StatusOr<ports::AsyncEvent> event =
      sound.ok() ? DecodeAsyncEvent(id, record) : StatusOr<ports::AsyncEvent>(sound);
  if (!event.ok())
    report_({std::string(kAsyncEventKind), Cat(id), 0, std::string(Message(event.status()))});
  return event;
}

StatusOr<std::vector<ports::AsyncEvent>> StateReader::LoadAsyncEvents(const std::string& hook,
                                                                      std::size_t limit) {
  std::vector<ports::AsyncEvent> events;
  Status status;
  read_events_.Begin(std::string_view(hook), limit);
  while (read_events_.Next(status)) {
    StatusOr<ports::AsyncEvent> event = ReadEvent(read_events_);
    if (event.ok()) events.push_back(*std::move(event));
  }
  PENSTOCK_RETURN_IF_ERROR(status);
  return events;
}

StatusOr<ports::DeadLetterPage> StateReader::ListDeadLetters(const ports::DeadLetterFilter& filter,
                                                             std::size_t page_size,
                                                             std::string_view page_token) {
  page_size = PageSize(page_size);
  PENSTOCK_ASSIGN_OR_RETURN(const std::int64_t after, ParseDeadLetterToken(page_token));
  Statement& list = filter.hook.empty() ? list_dead_letters_ : list_dead_letters_of_;
  if (filter.hook.empty()) {
    list.Begin(after);
  } else {
    list.Begin(after, std::string_view(filter.hook));
  }
  ports::DeadLetterPage page;
  std::int64_t last = 0;
  std::size_t seen = 0;
  Status status;
  while (list.Next(status)) {
    // Records have to be read to know their organization: not all of them for one page.
    if (page.events.size() == page_size || seen == limits::kListPageMax) {
      page.next_page_token = FormatPageToken(static_cast<std::uint64_t>(last));
      list.Reset();
      break;
    }
    last = list.Int(0);
    ++seen;
    StatusOr<ports::AsyncEvent> event = ReadEvent(list);
    if (!event.ok()) continue;
    if (!filter.organization.empty() && event->organization != filter.organization) continue;
    page.events.push_back(*std::move(event));
  }
  PENSTOCK_RETURN_IF_ERROR(status);
  return page;
}

StatusOr<ports::AsyncEvent> StateReader::LoadDeadLetter(std::int64_t id) {
  Status status;
  find_dead_letter_.Begin(id);
  if (!find_dead_letter_.Next(status)) return status.ok() ? DeadLetterNotFound(id) : status;
  StatusOr<ports::AsyncEvent> event = ReadEvent(find_dead_letter_);
  find_dead_letter_.Reset();
  if (event.ok()) return event;
  return Annotate(event.status(), Cat("dead letter ", id, " is damaged and put aside"));
}

StatusOr<std::vector<ports::RetainedContent>> StateReader::LoadRetained(const MessageId& message) {
  std::vector<ports::RetainedContent> all;
  Status status;
  read_retained_.Begin(std::string_view(message.text()));
  while (read_retained_.Next(status)) {
    ports::RetainedContent& retained = all.emplace_back();
    retained.message = message;
    retained.invocation = InvocationId(std::string(read_retained_.Octets(0)));
    retained.content = FormatContentId(static_cast<std::uint64_t>(read_retained_.Int(1)));
    retained.until = FromUnixMillis(read_retained_.Int(2));
  }
  PENSTOCK_RETURN_IF_ERROR(status);
  return all;
}

StatusOr<std::vector<ports::CapabilityKey>> StateReader::LoadCapabilityKeys() {
  std::vector<ports::CapabilityKey> keys;
  Status status;
  read_capability_keys_.Begin();
  while (read_capability_keys_.Next(status)) {
    ports::CapabilityKey key;
    key.id = static_cast<std::uint32_t>(read_capability_keys_.Int(0));
    key.made = FromUnixMillis(read_capability_keys_.Int(1));
    key.secret = read_capability_keys_.Octets(3);
    const Status sound = CheckRecord(KeyOf(key), key.secret, read_capability_keys_.Int(2));
    if (sound.ok()) {
      keys.push_back(std::move(key));
      continue;
    }
    // It stays where it is: a new one is made, and what was signed with it is refused.
    Log(LogLevel::kError, "capability_key_damaged",
        {{"key", Cat(key.id)}, {"reason", std::string(Message(sound))}});
  }
  PENSTOCK_RETURN_IF_ERROR(status);
  return keys;
}

StatusOr<std::unique_ptr<ContentIndex>> ContentIndex::Open(
    Database database, std::shared_ptr<ContentSegments> segments) {
  std::unique_ptr<ContentIndex> index(new ContentIndex(std::move(database), std::move(segments)));
  PENSTOCK_ASSIGN_OR_RETURN(
      index->find_, index->database_.Prepare("SELECT octets, checksum, blocks, data FROM contents"
                                             " WHERE number = ?"));
  return index;
}

Status ContentIndex::AdoptAll() {
  PENSTOCK_ASSIGN_OR_RETURN(
      Statement all,
      database_.Prepare("SELECT number, octets, checksum, blocks FROM contents"
                        " INDEXED BY contents_in_segments WHERE blocks IS NOT NULL"));
  Status status;
  while (all.Next(status)) {
    const ContentId id = FormatContentId(static_cast<std::uint64_t>(all.Int(0)));
    Status sound = CheckRecord(id.text(), all.Octets(3), all.Int(2));
    if (sound.ok()) {
      const auto blocks = DecodeBlocks(all.Octets(3), static_cast<std::uint64_t>(all.Int(1)));
      sound = blocks.status();
      if (blocks.ok()) segments_->Adopt(*blocks);
    }
    if (sound.ok()) continue;
    // Where its octets are is lost, but not its row: whoever reads it is told.
    Count(metrics::kRecordsParked, {{"kind", "content"}});
    Log(LogLevel::kError, "content_damaged",
        {{"content", id.text()}, {"reason", std::string(Message(sound))}});
  }
  return status;
}

StatusOr<std::shared_ptr<ports::ContentReader>> ContentIndex::OpenContent(const ContentId& id,
                                                                          std::uint64_t number) {
  Status status;
  find_.Begin(number);
  if (!find_.Next(status)) {
    PENSTOCK_RETURN_IF_ERROR(status);
    return ContentNotFound(id);
  }
  const auto octets = static_cast<std::uint64_t>(find_.Int(0));
  const bool is_inline = find_.IsNull(2);
  const std::string stored(find_.Octets(is_inline ? 3 : 2));
  const std::int64_t checksum = find_.Int(1);
  find_.Reset();
  Status sound = CheckRecord(id.text(), stored, checksum);
  if (sound.ok() && is_inline && stored.size() != octets) sound = DataLoss("cut short");
  if (sound.ok() && is_inline) return std::make_shared<InlineReader>(stored);
  StatusOr<BlockList> blocks = BlockList();
  if (sound.ok()) {
    blocks = DecodeBlocks(stored, octets);
    sound = blocks.status();
  }
  if (!sound.ok()) return Annotate(sound, Cat("content ", id.text()));
  StatusOr<std::vector<std::shared_ptr<const File>>> files = segments_->OpenForReading(*blocks);
  if (files.status().code() == StatusCode::kNotFound) return ContentNotFound(id);
  PENSTOCK_RETURN_IF_ERROR(files.status());
  return std::make_shared<SegmentReader>(*std::move(blocks), *std::move(files));
}

}  // namespace penstock::store
