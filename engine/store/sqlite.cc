// SPDX-License-Identifier: Apache-2.0
#include "engine/store/sqlite.h"

#include <utility>

#include <sqlite3.h>

#include "engine/base/check.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

namespace penstock::store {
namespace {

// `extended` is an extended result code.
Status ToStatus(int extended, std::string_view text) {
  const std::string message = Cat("sqlite: ", text, " (code ", extended, ")");
  switch (extended & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
      return OkStatus();
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return DataLoss(message);
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_PROTOCOL:
      return Unavailable(message);
    default:
      return Internal(message);
  }
}

Status LastError(sqlite3* database) {
  return ToStatus(sqlite3_extended_errcode(database), sqlite3_errmsg(database));
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

// The values outlive the run of the statement, so SQLite need not copy them.
void Statement::Bind(int index, std::string_view text) {
  PENSTOCK_CHECK(sqlite3_bind_text64(statement_.get(), index, text.empty() ? "" : text.data(),
                                     text.size(), SQLITE_STATIC, SQLITE_UTF8) == SQLITE_OK);
}

void Statement::Bind(int index, const Blob& blob) {
  const std::string_view octets = blob.octets;
  PENSTOCK_CHECK(sqlite3_bind_blob64(statement_.get(), index, octets.empty() ? "" : octets.data(),
                                     octets.size(), SQLITE_STATIC) == SQLITE_OK);
}

void Statement::BindInt(int index, std::int64_t value) {
  PENSTOCK_CHECK(sqlite3_bind_int64(statement_.get(), index, value) == SQLITE_OK);
}

void Statement::BindNull(int index) {
  PENSTOCK_CHECK(sqlite3_bind_null(statement_.get(), index) == SQLITE_OK);
}

bool Statement::Next(Status& status) {
  const int result = sqlite3_step(statement_.get());
  if (result == SQLITE_ROW) return true;
  status = result == SQLITE_DONE ? OkStatus() : LastError(sqlite3_db_handle(statement_.get()));
  Reset();
  return false;
}

void Statement::Reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

std::int64_t Statement::Int(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

bool Statement::IsNull(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

std::string_view Statement::Octets(int column) const {
  const void* octets = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  if (octets == nullptr) return {};
  return {static_cast<const char*>(octets), static_cast<std::size_t>(size)};
}

void Database::Close::operator()(sqlite3* database) const {
  sqlite3_close_v2(database);
}

StatusOr<Database> Database::Open(const std::string& path, const std::string& vfs) {
  sqlite3* handle = nullptr;
  const int result = sqlite3_open_v2(
      path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
      vfs.empty() ? nullptr : vfs.c_str());
  Database database;
  database.database_.reset(handle);
  if (result != SQLITE_OK) {
    const char* text = handle == nullptr ? "no memory" : sqlite3_errmsg(handle);
    return Annotate(ToStatus(result, text), Cat("cannot open ", path));
  }
  return database;
}

Status Database::Execute(const std::string& sql) {
  if (sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) {
    return OkStatus();
  }
  return LastError(database_.get());
}

StatusOr<std::int64_t> Database::QueryInt(const std::string& sql) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::string text, QueryText(sql));
  const std::optional<std::int64_t> value = ParseInt<std::int64_t>(text);
  if (!value) return Internal(Cat("sqlite: no number from ", sql));
  return *value;
}

// To the end: PRAGMA journal_mode gives its row first, and says only then that it did not work.
StatusOr<std::string> Database::QueryText(const std::string& sql) {
  PENSTOCK_ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  std::optional<std::string> first;
  Status status;
  while (statement.Next(status)) {
    if (!first) first = statement.Octets(0);
  }
  PENSTOCK_RETURN_IF_ERROR(status);
  if (!first) return Internal(Cat("sqlite: no row from ", sql));
  return *std::move(first);
}

StatusOr<Statement> Database::Prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK) {
    return LastError(database_.get());
  }
  return Statement(statement);
}

bool Database::in_transaction() const {
  return sqlite3_get_autocommit(database_.get()) == 0;
}

std::int64_t Database::rows_changed() const {
  return sqlite3_changes64(database_.get());
}

Status Database::Checkpoint() {
  const int result = sqlite3_wal_checkpoint_v2(database_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE,
                                               log_pages_.get(), nullptr);
  if (result != SQLITE_OK) return LastError(database_.get());
  return OkStatus();
}

void Database::WatchLog() {
  sqlite3_wal_hook(
      database_.get(),
      [](void* log_pages, sqlite3*, const char*, int pages) {
        *static_cast<int*>(log_pages) = pages;
        return SQLITE_OK;
      },
      log_pages_.get());
}

}  // namespace penstock::store
