// SPDX-License-Identifier: Apache-2.0
// The reading side of state.db, on a connection of its own: it sees what is committed and waits for
// no writer. A damaged record is left out, or an error, and reported to whoever parks it.
// Threads: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/ports/store.h"
#include "engine/store/content_segments.h"
#include "engine/store/sqlite.h"
#include "engine/store/state_tables.h"

namespace penstock::store {

class StateReader {
 public:
  using ReportDamage = std::function<void(DamagedRecord)>;

  static StatusOr<std::unique_ptr<StateReader>> Open(Database database, ReportDamage report);

  StatusOr<ports::StoredResources> LoadResources();
  StatusOr<std::vector<ports::RecordedChange>> ListChanges(std::int64_t before, std::size_t limit);
  StatusOr<std::vector<ports::Wake>> LoadWakes();
  StatusOr<std::vector<ports::RetainedContent>> LoadRetained(const MessageId& message);
  StatusOr<std::vector<ports::CapabilityKey>> LoadCapabilityKeys();
  StatusOr<flow::MessageState> LoadMessage(const MessageId& id);
  StatusOr<ports::StoredMessage> LoadMessageWithHistory(const MessageId& id);
  StatusOr<ports::MessagePage> ListMessages(const ports::MessageFilter& filter,
                                            std::size_t page_size, std::string_view page_token);
  StatusOr<std::vector<ports::AsyncEvent>> LoadAsyncEvents(const std::string& hook,
                                                           std::size_t limit);
  StatusOr<ports::DeadLetterPage> ListDeadLetters(const ports::DeadLetterFilter& filter,
                                                  std::size_t page_size,
                                                  std::string_view page_token);
  StatusOr<ports::AsyncEvent> LoadDeadLetter(std::int64_t id);

 private:
  explicit StateReader(Database database) : database_(std::move(database)) {}

  Status PrepareStatements();
  StatusOr<flow::MessageState> FindMessage(const MessageId& id, std::int64_t& number);
  Status ReadSide(int column, std::optional<flow::Resource>& side);
  StatusOr<std::vector<flow::HistoryEntry>> ReadHistory(std::int64_t number);
  // The event in the row that `row` stands on: id, checksum, record. A damaged one is reported.
  StatusOr<ports::AsyncEvent> ReadEvent(const Statement& row);
  // `filter` outlives the reading.
  Statement& BeginList(const ports::MessageFilter& filter, std::uint64_t before);

  Database database_;
  ReportDamage report_;
  Statement find_message_, find_parked_, read_history_, read_wakes_, read_resources_, read_events_;
  Statement read_changes_, read_retained_, read_capability_keys_;
  Statement find_dead_letter_, list_dead_letters_, list_dead_letters_of_;
  Statement list_, list_closed_, list_open_;           // of all organizations
  Statement list_of_, list_closed_of_, list_open_of_;  // of one
};

// Reads contents by id, on a connection of its own as well. Threads: one at a time.
class ContentIndex {
 public:
  static StatusOr<std::unique_ptr<ContentIndex>> Open(Database database,
                                                      std::shared_ptr<ContentSegments> segments);

  // At the start: tells the segments what is committed.
  Status AdoptAll();

  StatusOr<std::shared_ptr<ports::ContentReader>> OpenContent(const ContentId& id,
                                                              std::uint64_t number);

 private:
  ContentIndex(Database database, std::shared_ptr<ContentSegments> segments)
      : database_(std::move(database)), segments_(std::move(segments)) {}

  Database database_;
  const std::shared_ptr<ContentSegments> segments_;
  Statement find_;
};

}  // namespace penstock::store
