// SPDX-License-Identifier: Apache-2.0
#include "engine/store/schema.h"

#include <array>
#include <cstddef>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

namespace penstock::store {
namespace {

constexpr std::int64_t kApplicationId = 0x50656e73;  // "Pens"

constexpr char kTables[] = R"(
  CREATE TABLE messages (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    organization TEXT NOT NULL,
    phase INTEGER NOT NULL,
    wake INTEGER,
    received INTEGER NOT NULL,
    content INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    record BLOB NOT NULL
  ) STRICT;
  CREATE INDEX messages_open ON messages (phase, number, wake, id) WHERE phase <> 3;
  CREATE INDEX messages_closed ON messages (received) WHERE phase = 3;
  CREATE INDEX messages_of_organization ON messages (organization, number);

  CREATE TABLE history (
    message INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    time INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (message, sequence)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE contents (
    number INTEGER PRIMARY KEY,
    uses INTEGER NOT NULL,
    octets INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    blocks BLOB,
    data BLOB
  ) STRICT;
  CREATE INDEX contents_in_segments ON contents (number) WHERE blocks IS NOT NULL;

  CREATE TABLE async_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hook TEXT NOT NULL,
    dead INTEGER NOT NULL,
    next_attempt INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    record BLOB NOT NULL
  ) STRICT;
  CREATE INDEX async_events_queued ON async_events (hook, next_attempt, id) WHERE dead = 0;
  CREATE INDEX async_events_dead ON async_events (hook, id) WHERE dead = 1;

  CREATE TABLE resources (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (kind, name)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE changes (
    number INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    who TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    before BLOB,
    after BLOB
  ) STRICT;

  CREATE TABLE parked (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    reason TEXT NOT NULL,
    message INTEGER,
    content INTEGER,
    checksum INTEGER NOT NULL,
    record BLOB NOT NULL
  ) STRICT;

  CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  INSERT INTO counters VALUES ('starts', 0), ('repairs', 0);
)";

Status CreateTables(Database& database) {
  return database.Execute(kTables);
}

// What hooks replace content by, how long content is retained for them, and what capabilities are
// signed with (M2, M5, P2).
constexpr char kContentTables[] = R"(
  ALTER TABLE messages ADD COLUMN replaced TEXT;

  CREATE TABLE retained (
    message TEXT NOT NULL,
    invocation TEXT NOT NULL,
    content INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (message, invocation)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX retained_until ON retained (until);

  CREATE TABLE capability_keys (
    id INTEGER PRIMARY KEY,
    made INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    secret BLOB NOT NULL
  ) STRICT;
)";

Status AddContentTables(Database& database) {
  return database.Execute(kContentTables);
}

using Migration = Status (*)(Database&);

// The function at index N turns version N into N + 1. Functions are only ever added.
constexpr std::array<Migration, 2> kMigrations = {CreateTables, AddContentTables};

Status MigrateOne(Database& database, std::int64_t version) {
  PENSTOCK_RETURN_IF_ERROR(database.Execute("BEGIN IMMEDIATE"));
  Status status = kMigrations[static_cast<std::size_t>(version)](database);
  if (status.ok()) status = database.Execute(Cat("PRAGMA user_version = ", version + 1));
  if (status.ok()) status = database.Execute("COMMIT");
  if (!status.ok() && database.in_transaction()) {
    static_cast<void>(database.Execute("ROLLBACK"));  // closing the connection does it as well
  }
  return status;
}

}  // namespace

std::int64_t SchemaVersion() {
  return static_cast<std::int64_t>(kMigrations.size());
}

Status Configure(Database& database) {
  // temp_store: what a failed transaction is rolled back by stays in memory. secure_delete:
  // Debian's SQLite writes a page that is given back once more, as zeros, to its log and to the
  // database.
  return database.Execute(
      Cat("PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = FAST;"
          "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
          "PRAGMA journal_size_limit = ",
          limits::kWriteAheadFileOctetsMax));
}

Status Migrate(Database& database, const std::string& path) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::int64_t tables,
                            database.QueryInt("SELECT count(*) FROM sqlite_schema"));
  PENSTOCK_ASSIGN_OR_RETURN(const std::int64_t application,
                            database.QueryInt("PRAGMA application_id"));
  if (tables == 0 && application == 0) {
    PENSTOCK_RETURN_IF_ERROR(database.Execute(Cat("PRAGMA application_id = ", kApplicationId)));
  } else if (application != kApplicationId) {
    return FailedPrecondition(Cat(path, ": a database of another program; name another folder"));
  }
  PENSTOCK_ASSIGN_OR_RETURN(std::int64_t version, database.QueryInt("PRAGMA user_version"));
  if (version > SchemaVersion()) {
    return FailedPrecondition(Cat(path, ": written by a newer penstockd (format ", version,
                                  ", this one knows ", SchemaVersion(),
                                  "); start the newer one, or name another folder"));
  }
  for (; version < SchemaVersion(); ++version)
    PENSTOCK_RETURN_IF_ERROR(MigrateOne(database, version));
  PENSTOCK_ASSIGN_OR_RETURN(const std::string mode,
                            database.QueryText("PRAGMA journal_mode = WAL"));
  if (mode != "wal") {
    return FailedPrecondition(Cat(path, ": its file system allows no write-ahead log (mode ", mode,
                                  "); name a folder on a local disk"));
  }
  return OkStatus();
}

}  // namespace penstock::store
