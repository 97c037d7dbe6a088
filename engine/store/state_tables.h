// SPDX-License-Identifier: Apache-2.0
// The writing side of state.db: one prepared transaction at a time, inside of SQLite transactions
// that the group commit begins and ends. Nothing here waits, and nothing is durable before Commit.
//
//   Begin ─► BeginStep ─► Apply… ─► EndStep | UndoStep ─► BeginStep … ─► Commit | RollBack
//
// Threads: the writer's only, but for counts().
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/store/prepared_transaction.h"
#include "engine/store/sqlite.h"
#include "engine/store/state_counts.h"

namespace penstock::store {

// A record that a reader found damaged.
struct DamagedRecord {
  std::string kind;           // "message", "history", "async_event", or a resource's, as it stands
  std::string key;            // id, or name; of history: the message's number
  std::int64_t sequence = 0;  // of history
  std::string reason;
};

inline constexpr std::string_view kMessageKind = "message";
inline constexpr std::string_view kHistoryKind = "history";
inline constexpr std::string_view kAsyncEventKind = "async_event";

// The key that guards the checksum of a row of history.
std::string HistoryKey(std::int64_t message, std::int64_t sequence);

// The key that guards the checksum of a capability key's secret.
std::string KeyOf(const ports::CapabilityKey& key);

class StateTables {
 public:
  // `database`: configured and of today's version. Counts what is there.
  static StatusOr<std::unique_ptr<StateTables>> Open(Database database);

  Status Begin();
  Status BeginStep();
  Status EndStep();
  Status UndoStep();
  Status RollBack();
  // Errors: kUnavailable; nothing of it is durable then, and RollBack is due.
  Status Commit();

  // Whether SQLite still has the transaction that Begin began: on some errors it rolls back itself.
  [[nodiscard]] bool in_transaction() const { return database_.in_transaction(); }

  // Errors of the steps: kUnavailable and kDataLoss concern the whole transaction, others only the
  // step.
  Status Apply(const PreparedTransaction& transaction);
  StatusOr<std::size_t> Purge(Time before, std::size_t limit);
  StatusOr<std::size_t> ReleaseRetained(Time before, std::size_t limit);
  // Puts the record aside if it still is damaged.
  Status Park(const DamagedRecord& damaged);
  // Writes something that means nothing; it must differ from what is there to be written at all.
  Status Touch();

  // What follows from the steps of a transaction, once it is committed.
  struct Consequences {
    std::vector<StagedContent*> kept;
    std::vector<BlockList> freed;
    std::vector<std::uint64_t> gone;                               // contents without a row
    std::vector<std::pair<std::string, std::int64_t>> queue_full;  // hook, event
    std::vector<std::pair<std::string, std::int64_t>> dropped;     // hook, dead letter
    std::vector<DamagedRecord> parked;
  };

  // Shows the counts to everyone, and hands over the rest.
  Consequences TakeConsequences();

  [[nodiscard]] const StateCounts& counts() const { return counts_; }

  [[nodiscard]] Database& database() { return database_; }

 private:
  // Sizes of everything that a step adds to.
  struct Mark {
    std::size_t kept = 0;
    std::size_t freed = 0;
    std::size_t gone = 0;
    std::size_t queue_full = 0;
    std::size_t dropped = 0;
    std::size_t parked = 0;
    std::size_t counts = 0;
  };

  struct StoredRow {  // of a message
    std::int64_t number = 0;
    bool is_open = false;
    std::uint64_t content = 0;
    std::vector<std::uint64_t> replaced;
  };

  using UseChanges = std::map<std::uint64_t, std::int64_t>;  // by content

  explicit StateTables(Database database) : database_(std::move(database)) {}

  Status PrepareStatements();
  Status PrepareRetention();
  Status Count();
  [[nodiscard]] Mark CurrentMark() const;
  void Forget(const Mark& mark);

  StatusOr<std::optional<StoredRow>> FindMessage(std::string_view id);
  Status WriteMessage(const PreparedMessage& message, UseChanges& uses);
  Status WriteRetained(const PreparedRetained& retained, UseChanges& uses);
  Status WriteCapabilityKeys(const PreparedTransaction& transaction);
  Status AppendHistory(const PreparedHistoryWrite& write);
  Status AddHistory(std::int64_t number, const PreparedHistory& history, bool is_first);
  Status WriteContents(const PreparedTransaction& transaction, const UseChanges& uses);
  Status ChangeUses(std::uint64_t content, std::int64_t by, const PreparedTransaction& transaction);

  Status WriteResource(const PreparedResource& resource);
  Status EndEvent(std::int64_t id);
  Status AddEvent(ports::AsyncEvent event);
  Status ChangeEvent(ports::AsyncEvent event);
  Status DropDeadLetters(const std::string& hook);
  Status RefuseIfFull(ports::AsyncEvent& event);

  Status ParkMessage(const DamagedRecord& damaged);
  Status ParkHistory(const DamagedRecord& damaged);
  Status ParkAsyncEvent(const DamagedRecord& damaged);
  Status ParkResource(const DamagedRecord& damaged);

  Database database_;
  StateCounts counts_;
  std::int64_t last_message_ = 0;  // number given; one that a rollback takes back stays unused
  std::int64_t last_event_ = 0;    // the same for ids of events
  Consequences consequences_;
  Mark step_;

  Statement begin_, commit_, roll_back_, savepoint_, release_, undo_savepoint_, touch_;
  Statement find_message_, insert_message_, update_message_, delete_message_;
  Statement insert_history_, delete_history_, find_history_, update_history_;
  Statement insert_content_, find_content_, update_content_, delete_content_;
  Statement find_retained_, put_retained_, delete_retained_, find_releasable_;
  Statement put_capability_key_, delete_capability_key_;
  Statement find_resource_, put_resource_, delete_resource_, insert_change_;
  Statement find_event_, insert_event_, update_event_, delete_event_, oldest_dead_letter_;
  Statement put_counter_;
  Statement read_message_, read_event_, find_purgeable_, park_;
};

}  // namespace penstock::store
