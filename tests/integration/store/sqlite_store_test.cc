// SPDX-License-Identifier: Apache-2.0
// What is SQLite's own: restarts, one process at a time, versions, files.
#include "engine/store/sqlite_store.h"

#include <chrono>
#include <fstream>
#include <future>
#include <string>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "engine/store/schema.h"
#include "tests/integration/store/sqlite_fixture.h"

namespace penstock::store {
namespace {

using namespace tests;  // NOLINT(google-build-using-namespace)

std::string ModeOf(const std::string& path) {
  struct stat info {};

  if (stat(path.c_str(), &info) != 0) return "none";
  char text[8];
  std::snprintf(text, sizeof(text), "%o", info.st_mode & 0777U);
  return text;
}

// The writer gives the space of a closed message back after it has answered the commit.
bool NeedsSoon(SqliteFixture& fixture, std::uint64_t octets) {
  for (int i = 0; i < 5000 && fixture.sqlite().content_usage().needed != octets; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return fixture.sqlite().content_usage().needed == octets;
}

TEST_CASE("SqliteStore: a restart keeps everything", "[store][sqlite]") {
  SqliteFixture fixture;
  const std::string small = Octets(100, 1);
  const std::string large = Octets(200'000, 2);
  const auto first = Accept(fixture, "m-1", small, {Line(flow::HistoryKind::kAccepted, "first")});
  const auto second = Accept(fixture, "m-2", large);
  const auto third = Accept(fixture, "m-3", large);
  REQUIRE(
      Update(fixture, Waiting(second, At(60)), {Line(flow::HistoryKind::kHookAttempt, "x")}).ok());
  REQUIRE(Update(fixture, Closed(third)).ok());
  flow::Hook hook = EveryHookField();
  hook.name = "copier";
  hook.async_queue_max = 1;
  hook.dead_letters_max = 1;
  REQUIRE(Put(fixture, hook).ok());
  REQUIRE(Put(fixture, EveryRuleField()).ok());
  Enqueue(fixture, {EventFor("copier", "1", At(1)), EventFor("copier", "2", At(2)),
                    EventFor("copier", "3", At(3))});
  const ports::AsyncEvent event = Events(fixture, "copier").at(0);

  fixture.Reopen();

  CHECK(*Load(fixture, "m-1") == first);
  CHECK(*Load(fixture, "m-2") == Waiting(second, At(60)));
  CHECK(*Load(fixture, "m-3") == Closed(third));
  CHECK(HistoryOf(fixture, "m-1").at(0).detail == "first");
  CHECK(HistoryOf(fixture, "m-2").at(0).detail == "x");
  CHECK(ReadContent(fixture, first.content) == small);
  CHECK(ReadContent(fixture, second.content) == large);
  CHECK(ReadContent(fixture, third.content) == "NOT_FOUND");
  CHECK(Wakes(fixture) == std::vector<std::string>{"m-1@once", "m-2@60"});
  CHECK(CountOpen(fixture) == 2);
  CHECK(List(fixture) == "m-3 m-2 m-1 ");
  CHECK(Counts(fixture) == "copier:1/1/1 ");
  CHECK(Events(fixture, "copier").at(0) == event);
  const auto resources = Await(fixture.executor(), fixture.store().LoadResources()).value();
  CHECK(resources.hooks == std::vector{hook});
  CHECK(resources.rules == std::vector{EveryRuleField()});

  // And goes on from there: bounds, order, ids.
  Enqueue(fixture, {EventFor("copier", "4", At(4))});
  CHECK(Counts(fixture) == "copier:1/1/2 ");
  const auto fourth = Accept(fixture, "m-4", large);
  CHECK(fourth.content != first.content);
  CHECK(List(fixture) == "m-4 m-3 m-2 m-1 ");
  CHECK(ReadContent(fixture, second.content) == large);
  REQUIRE(Update(fixture, Closed(second)).ok());
  CHECK(ReadContent(fixture, second.content) == "NOT_FOUND");
}

TEST_CASE("SqliteStore: ids of async events do not come again after a restart", "[store][sqlite]") {
  SqliteFixture fixture;
  Enqueue(fixture, {EventFor("copier", "1", At(1))});
  const std::int64_t id = Events(fixture, "copier").at(0).id;
  Transaction done;
  done.done_async_events.push_back(id);
  REQUIRE(Commit(fixture, std::move(done)).ok());
  fixture.Reopen();
  Enqueue(fixture, {EventFor("copier", "2", At(1))});
  CHECK(Events(fixture, "copier").at(0).id > id);
}

TEST_CASE("SqliteStore: content that was not accepted is gone after a restart", "[store][sqlite]") {
  SqliteFixture fixture;
  const auto kept = Accept(fixture, "m-1", Octets(100'000));
  auto unaccepted = Content(fixture, Octets(1'000'000));
  CHECK(fixture.sqlite().content_usage().needed > 1'000'000);
  // As after a crash: the writer's own end does not come before the store's.
  fixture.Reopen();
  CHECK(NeedsSoon(fixture, 102'400));
  CHECK(ReadContent(fixture, kept.content) == Octets(100'000));
}

TEST_CASE("SqliteStore: changes are on record with who, when, before and after (R14)",
          "[store][sqlite]") {
  SqliteFixture fixture;
  const rules::Organization before = {"acme", {"example.com"}};
  const rules::Organization after = {"acme", {"example.org"}};
  REQUIRE(Put(fixture, before).ok());
  REQUIRE(Put(fixture, after).ok());
  REQUIRE(Put(fixture, after, true).ok());
  fixture.Close();
  CHECK(fixture.Sql("SELECT time, who, kind, name, before IS NULL, after IS NULL FROM changes"
                    " ORDER BY number") ==
        "1700000000000|operator|organization|acme|1|0\n"
        "1700000000000|operator|organization|acme|0|0\n"
        "1700000000000|operator|organization|acme|0|1\n");
  CHECK(fixture.Sql("SELECT count(*) FROM changes a JOIN changes b ON a.after = b.before"
                    " AND b.number = a.number + 1") == "2\n");
}

TEST_CASE("SqliteStore: a second process is refused and told which holds the store",
          "[store][sqlite]") {
  SqliteFixture fixture;
  const auto second = SqliteStore::Open(fixture.folder());
  CHECK(second.status().code() == StatusCode::kFailedPrecondition);
  CHECK_THAT(std::string(Message(second.status())),
             Catch::Contains(fixture.folder()) && Catch::Contains("in use by another penstockd") &&
                 Catch::Contains(Cat("process ", getpid())));
  fixture.Close();
  CHECK(SqliteStore::Open(fixture.folder()).ok());
}

TEST_CASE("SqliteStore: a newer version's store is refused and left as it is", "[store][sqlite]") {
  SqliteFixture fixture;
  Accept(fixture, "m-1");
  fixture.Close();
  fixture.Sql(Cat("PRAGMA user_version = ", SchemaVersion() + 1));
  const auto opened = SqliteStore::Open(fixture.folder());
  CHECK(opened.status().code() == StatusCode::kFailedPrecondition);
  CHECK_THAT(std::string(Message(opened.status())),
             Catch::Contains("newer penstockd") &&
                 Catch::Contains(Cat("format ", SchemaVersion() + 1)) &&
                 Catch::Contains("start the newer one"));
  CHECK(fixture.Sql("PRAGMA user_version") == Cat(SchemaVersion() + 1, "\n"));
  CHECK(fixture.Sql("SELECT id FROM messages") == "m-1\n");
}

TEST_CASE("SqliteStore: what is no store is refused", "[store][sqlite]") {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/state.db";
  SECTION("another program's database") {
    sqlite3* database = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &database) == SQLITE_OK);
    REQUIRE(sqlite3_exec(database, "CREATE TABLE t (a)", nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(database);
    const auto opened = SqliteStore::Open(folder.path());
    CHECK(opened.status().code() == StatusCode::kFailedPrecondition);
    CHECK_THAT(std::string(Message(opened.status())), Catch::Contains("another program"));
  }
  SECTION("a file of other octets") {
    std::ofstream(path) << std::string(100'000, 'x');
    CHECK(SqliteStore::Open(folder.path()).status().code() == StatusCode::kDataLoss);
  }
  SECTION("a folder whose parent is not there") {
    CHECK_FALSE(SqliteStore::Open(folder.path() + "/a/b").ok());
  }
  SECTION("a file in the folder's place") {
    std::ofstream(folder.path() + "/file") << "x";
    CHECK_FALSE(SqliteStore::Open(folder.path() + "/file").ok());
  }
}

TEST_CASE("SqliteStore: its files are for their owner only", "[store][sqlite]") {
  SqliteFixture fixture;
  Accept(fixture, "m-1", Octets(100'000));
  CHECK(ModeOf(fixture.folder()) == "700");
  CHECK(ModeOf(fixture.folder() + "/content") == "700");
  for (const char* name :
       {"/lock", "/state.db", "/state.db-wal", "/state.db-shm", "/content/00000001.segment"}) {
    CAPTURE(name);
    CHECK(ModeOf(fixture.folder() + name) == "600");
  }
}

TEST_CASE("SqliteStore: its end waits for the commits that are queued", "[store][sqlite]") {
  SqliteFixture fixture;
  async::asio::thread_pool one_thread(1);
  std::vector<std::future<Status>> ends;
  for (int i = 0; i < 200; ++i) {
    Transaction transaction;
    transaction.contents.push_back(Content(fixture, Octets(20'000)));
    Add(transaction, ActiveMessage(Cat("m-", i), transaction.contents[0]->id()));
    ends.push_back(async::asio::co_spawn(one_thread, fixture.store().Commit(std::move(transaction)),
                                         async::asio::use_future));
  }
  // When its thread comes to this, each coroutine has submitted its commit and waits.
  std::promise<void> submitted;
  async::asio::post(one_thread, [&submitted] { submitted.set_value(); });
  submitted.get_future().wait();
  fixture.Reopen();
  for (std::future<Status>& end : ends)
    CHECK(end.get().ok());
  CHECK(CountOpen(fixture) == 200);
}

TEST_CASE("SqliteStore: a message's end is recorded, whether another commit comes or none does",
          "[store][sqlite]") {
  SqliteFixture fixture;
  async::asio::thread_pool one_thread(1);
  std::vector<flow::MessageState> states;
  for (int i = 0; i < 12; ++i)
    states.push_back(Accept(fixture, Cat("m-", i)));
  const auto end = [&](std::size_t i) {
    Transaction transaction;
    Add(transaction, Closed(states[i]));
    return async::asio::co_spawn(one_thread, fixture.store().Commit(std::move(transaction)),
                                 async::asio::use_future);
  };
  CHECK(end(0).get().ok());
  CHECK(CountOpen(fixture) == 11);
  std::vector<std::future<Status>> ends;
  for (std::size_t i = 1; i < 6; ++i)
    ends.push_back(end(i));
  Accept(fixture, "m-12");
  for (std::size_t i = 6; i < 12; ++i)
    ends.push_back(end(i));
  std::promise<void> submitted;
  async::asio::post(one_thread, [&submitted] { submitted.set_value(); });
  submitted.get_future().wait();
  fixture.Reopen();
  for (std::future<Status>& one : ends)
    CHECK(one.get().ok());
  CHECK(CountOpen(fixture) == 1);
}

TEST_CASE("SqliteStore: a transaction that fails leaves those beside it alone", "[store][sqlite]") {
  SqliteFixture fixture;
  async::asio::thread_pool one_thread(1);
  std::vector<std::future<Status>> ends;
  // While the first is on its way to the disk, the others gather.
  for (int i = 0; i < 60; ++i) {
    Transaction transaction;
    ContentId content("00000001ffffffff");  // there is none
    if (i % 7 != 3) {
      transaction.contents.push_back(Content(fixture, Octets(100)));
      content = transaction.contents[0]->id();
    }
    Add(transaction, ActiveMessage(Cat("m-", i), content));
    ends.push_back(async::asio::co_spawn(one_thread, fixture.store().Commit(std::move(transaction)),
                                         async::asio::use_future));
  }
  std::uint64_t kept = 0;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    CAPTURE(i);
    const bool sound = i % 7 != 3;
    kept += sound ? 1 : 0;
    CHECK(ends[i].get().code() == (sound ? StatusCode::kOk : StatusCode::kFailedPrecondition));
  }
  CHECK(CountOpen(fixture) == kept);
  fixture.Reopen();
  CHECK(CountOpen(fixture) == kept);
}

TEST_CASE("SqliteStore: long and short contents live together, wherever the border is",
          "[store][sqlite]") {
  for (const std::size_t border : {std::size_t{0}, std::size_t{65'536}}) {
    SqliteStore::Options options;
    options.inline_content_octets_max = border;
    SqliteFixture fixture(options);
    for (const std::size_t size : {1, 60'000, 65'536, 65'537, 140'000}) {
      const auto state = Accept(fixture, Cat("m-", size), Octets(size));
      CHECK(ReadContent(fixture, state.content) == Octets(size));
      CHECK((fixture.sqlite().content_usage().needed > 0) == (size > border));
      REQUIRE(Update(fixture, Closed(state)).ok());
      CHECK(NeedsSoon(fixture, 0));
    }
  }
}

}  // namespace
}  // namespace penstock::store
