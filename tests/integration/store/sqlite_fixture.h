// SPDX-License-Identifier: Apache-2.0
// A SQLite store that a test can close, damage and open again.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sqlite3.h>

#include <boost/asio/thread_pool.hpp>
#include <catch2/catch.hpp>

#include "engine/base/log.h"
#include "engine/base/mutex.h"
#include "engine/base/strings.h"
#include "engine/store/sqlite_store.h"
#include "tests/support/store_steps.h"
#include "tests/support/temporary_folder.h"

namespace penstock::tests {

class SqliteFixture {
 public:
  explicit SqliteFixture(store::SqliteStore::Options options = {}) : options_(std::move(options)) {
    Open();
  }

  ports::Store& store() { return *store_; }

  store::SqliteStore& sqlite() { return *store_; }

  async::Executor executor() { return threads_.get_executor(); }

  [[nodiscard]] std::string folder() const { return folder_.path() + "/store"; }

  void Open() { store_ = store::SqliteStore::Open(folder(), options_).value(); }

  void Close() { store_.reset(); }

  void Reopen() {
    Close();
    Open();
  }

  // Runs SQL on the closed store; returns the columns of its rows, joined by '|', a line each.
  std::string Sql(const std::string& sql) {
    REQUIRE(store_ == nullptr);
    sqlite3* database = nullptr;
    REQUIRE(sqlite3_open((folder() + "/state.db").c_str(), &database) == SQLITE_OK);
    std::string rows;
    const auto row = [](void* out, int count, char** values, char**) {
      auto& text = *static_cast<std::string*>(out);
      for (int i = 0; i < count; ++i)
        text += Cat(i == 0 ? "" : "|", values[i] == nullptr ? "NULL" : values[i]);
      text += "\n";
      return 0;
    };
    char* error = nullptr;
    sqlite3_exec(database, sql.c_str(), row, &rows, &error);
    const std::string problem = error == nullptr ? "" : error;
    sqlite3_free(error);
    sqlite3_close(database);
    REQUIRE(problem.empty());
    return rows;
  }

 private:
  const store::SqliteStore::Options options_;
  TemporaryFolder folder_;
  boost::asio::thread_pool threads_{2};
  std::unique_ptr<store::SqliteStore> store_;
};

// Catches log lines, "event name=value …", while it lives.
class LogCatcher {
 public:
  LogCatcher() {
    SetLogSink([this](LogLevel, std::string_view event, std::span<const LogField> fields) {
      std::string line(event);
      for (const LogField& field : fields)
        line += Cat(" ", field.name, "=", field.value);
      const MutexLock lock(mutex_);
      lines_.push_back(std::move(line));
    });
  }

  LogCatcher(const LogCatcher&) = delete;
  LogCatcher& operator=(const LogCatcher&) = delete;

  ~LogCatcher() { SetLogSink(nullptr); }

  // Lines that begin with `event`.
  std::vector<std::string> Lines(std::string_view event) {
    const MutexLock lock(mutex_);
    std::vector<std::string> found;
    for (const std::string& line : lines_) {
      if (line.starts_with(event)) found.push_back(line);
    }
    return found;
  }

 private:
  Mutex mutex_;
  std::vector<std::string> lines_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace penstock::tests
