// SPDX-License-Identifier: Apache-2.0
// SQLite's C interface as the store uses it: connections and statements that close themselves, and
// errors as Status. Disk full and disk errors are kUnavailable, a file that is no sound database is
// kDataLoss, the rest (a constraint, our own SQL) kInternal.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/status.h"

struct sqlite3;
struct sqlite3_stmt;

namespace penstock::store {

struct Blob {
  std::string_view octets;
};

// A prepared statement. Threads: its connection's one user at a time.
class Statement {
 public:
  Statement() = default;

  // Binds `values` to the parameters in order, runs it, and drops its rows. A string_view is bound
  // as text, nullopt as NULL; what is bound is not copied.
  template <class... Values>
  Status Run(const Values&... values) {
    Begin(values...);
    Status status;
    while (Next(status)) {
    }
    return status;
  }

  // For statements with rows: Begin, then Next until it returns false, with the columns of a row
  // after each true. `status` says why it ended. A caller that wants no more rows calls Reset.
  template <class... Values>
  void Begin(const Values&... values) {
    int index = 0;
    (Bind(++index, values), ...);
  }

  bool Next(Status& status);
  void Reset();

  [[nodiscard]] std::int64_t Int(int column) const;
  [[nodiscard]] bool IsNull(int column) const;
  // Text or blob; valid until the next call on the statement.
  [[nodiscard]] std::string_view Octets(int column) const;

 private:
  friend class Database;

  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };

  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  template <std::integral Integer>
  void Bind(int index, Integer value) {
    BindInt(index, static_cast<std::int64_t>(value));
  }

  template <class Value>
  void Bind(int index, const std::optional<Value>& value) {
    if (value) {
      Bind(index, *value);
    } else {
      BindNull(index);
    }
  }

  void Bind(int index, std::string_view text);
  void Bind(int index, const Blob& blob);
  void BindInt(int index, std::int64_t value);
  void BindNull(int index);

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

// A connection. Threads: one at a time.
class Database {
 public:
  Database() = default;

  // Opens a file that exists. `vfs`: empty for SQLite's own.
  static StatusOr<Database> Open(const std::string& path, const std::string& vfs);

  // Runs statements without parameters, separated by ';'; drops their rows.
  Status Execute(const std::string& sql);
  // Returns the first column of the first row.
  StatusOr<std::int64_t> QueryInt(const std::string& sql);
  StatusOr<std::string> QueryText(const std::string& sql);

  StatusOr<Statement> Prepare(std::string_view sql);

  [[nodiscard]] bool in_transaction() const;
  [[nodiscard]] std::int64_t rows_changed() const;  // by the last statement

  // Moves what the log holds into the database as far as readers allow.
  Status Checkpoint();

  // Pages in the log after the last commit of this connection. Never moved by itself then.
  void WatchLog();

  [[nodiscard]] int log_pages() const { return *log_pages_; }

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };

  std::unique_ptr<sqlite3, Close> database_;
  std::unique_ptr<int> log_pages_ = std::make_unique<int>(0);
};

}  // namespace penstock::store
