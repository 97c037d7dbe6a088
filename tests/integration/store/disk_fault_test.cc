// SPDX-License-Identifier: Apache-2.0
// A disk that is full, or fails: nothing happened, and the store works again when the disk does.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <catch2/catch.hpp>

#include "tests/integration/store/faulty_vfs.h"
#include "tests/integration/store/sqlite_fixture.h"
#include "tests/unit/store/fake_file_system.h"

namespace penstock::store {
namespace {

using namespace tests;  // NOLINT(google-build-using-namespace)

using Fault = FaultyVfs::Fault;
using Where = FaultyVfs::Where;

SqliteStore::Options OnFaultyVfs() {
  FaultyVfs::Get().Set(Fault::kNone);
  SqliteStore::Options options;
  options.vfs = FaultyVfs::kName;
  return options;
}

Transaction Acceptance(SqliteFixture& fixture, std::string id, std::string_view octets) {
  Transaction transaction;
  transaction.contents.push_back(Content(fixture, octets));
  Add(transaction, ActiveMessage(std::move(id), transaction.contents[0]->id()));
  return transaction;
}

TEST_CASE("SqliteStore: a commit that the disk refuses has not happened", "[store][faults]") {
  SqliteFixture fixture(OnFaultyVfs());
  const auto before = Accept(fixture, "m-1", Octets(100'000));
  Fault fault = Fault::kNone;
  SECTION("no space") {
    fault = Fault::kFullOnWrite;
  }
  SECTION("an error on writing") {
    fault = Fault::kErrorOnWrite;
  }
  SECTION("an error on syncing") {
    fault = Fault::kErrorOnSync;
  }
  const auto needed = fixture.sqlite().content_usage().needed;
  FaultyVfs::Get().Set(fault);
  const int faults = FaultyVfs::Get().faults();
  for (int i = 0; i < 3; ++i) {
    CHECK(Commit(fixture, Acceptance(fixture, "m-2", Octets(100'000))).code() ==
          StatusCode::kUnavailable);
    CHECK(Update(fixture, Closed(before)).code() == StatusCode::kUnavailable);
  }
  CHECK(FaultyVfs::Get().faults() >= faults + 6);
  // Reads go on, and see none of it.
  CHECK(*Load(fixture, "m-1") == before);
  CHECK(Load(fixture, "m-2").status().code() == StatusCode::kNotFound);
  CHECK(CountOpen(fixture) == 1);
  CHECK(ReadContent(fixture, before.content) == Octets(100'000));
  CHECK(fixture.sqlite().content_usage().needed == needed);

  FaultyVfs::Get().Set(Fault::kNone);
  REQUIRE(Commit(fixture, Acceptance(fixture, "m-3", "octets")).ok());
  REQUIRE(Update(fixture, Closed(before)).ok());
  fixture.Reopen();
  CHECK(List(fixture) == "m-3 m-1 ");
  CHECK(Wakes(fixture) == std::vector<std::string>{"m-3@once"});
}

// A sync that fails leaves frames in the log, with the mark of a commit on the last. Whoever was
// told "no" must not find it done after a crash.
TEST_CASE("SqliteStore: what a failed commit left in the log is overwritten once the disk works",
          "[store][faults]") {
  SqliteFixture fixture(OnFaultyVfs());
  Accept(fixture, "m-1");
  FaultyVfs::Get().Set(Fault::kErrorOnSync);
  REQUIRE(Commit(fixture, Acceptance(fixture, "m-2", "octets")).code() == StatusCode::kUnavailable);
  LogCatcher log;
  FaultyVfs::Get().Set(Fault::kNone);
  // Nobody commits: the store mends its log by itself.
  const auto begin = std::chrono::steady_clock::now();
  while (log.Lines("commit_repaired").empty()) {
    REQUIRE(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  // As after a crash: another store on a copy of the files as they lie there.
  const TemporaryFolder crashed;
  std::filesystem::copy(fixture.folder(), crashed.path(), std::filesystem::copy_options::recursive);
  std::filesystem::remove(crashed.path() + "/state.db-shm");
  const auto store = SqliteStore::Open(crashed.path()).value();
  CHECK(Await(fixture.executor(), store->LoadMessage(MessageId("m-1"))).ok());
  CHECK(Await(fixture.executor(), store->LoadMessage(MessageId("m-2"))).status().code() ==
        StatusCode::kNotFound);
}

TEST_CASE("SqliteStore: a log that cannot be moved into the database only grows",
          "[store][faults]") {
  SqliteFixture fixture(OnFaultyVfs());
  FaultyVfs::Get().Set(Fault::kFullOnWrite, Where::kDatabase);
  LogCatcher log;
  // More than limits::kWriteAheadPagesMax of 4 KiB.
  int count = 0;
  while (log.Lines("checkpoint_failed").empty()) {
    REQUIRE(count < 4000);
    Transaction transaction;
    for (int i = 0; i < 50; ++i) {
      transaction.contents.push_back(Content(fixture, Octets(8000)));
      Add(transaction, ActiveMessage(Cat("m-", ++count), transaction.contents.back()->id()));
    }
    REQUIRE(Commit(fixture, std::move(transaction)).ok());
  }
  Accept(fixture, "more");
  CHECK(log.Lines("checkpoint_failed").size() == 1);  // said once, not with every commit
  FaultyVfs::Get().Set(Fault::kNone);
  Accept(fixture, "still more");
  fixture.Reopen();
  CHECK(CountOpen(fixture) == static_cast<std::uint64_t>(count) + 2);
}

TEST_CASE("SqliteStore: content that cannot be synced fails its own transactions only",
          "[store][faults]") {
  FakeFileSystem files;
  TemporaryFolder folder;  // for SQLite; the rest is in memory
  SqliteStore::Options options;
  options.files = &files;
  std::filesystem::create_directory(folder.path() + "/store");
  std::ofstream(folder.path() + "/store/state.db").close();
  async::asio::thread_pool threads(2);
  const auto store = SqliteStore::Open(folder.path() + "/store", options).value();
  const auto commit = [&](std::string id, std::size_t size) {
    Transaction transaction;
    transaction.contents.push_back(store->NewContent().value());
    Status status = transaction.contents[0]->Write(Octets(size));
    if (!status.ok()) return status;
    Add(transaction, ActiveMessage(std::move(id), transaction.contents[0]->id()));
    return Await(threads.get_executor(), store->Commit(std::move(transaction)));
  };
  REQUIRE(commit("m-1", 100'000).ok());
  const char* broken = "";
  SECTION("sync") {
    broken = "sync";
  }
  SECTION("write") {
    broken = "write";
  }
  files.SetFault([broken](std::string_view operation, const std::string& path) {
    return operation == broken && path.find("content") != std::string::npos ? Unavailable("EIO")
                                                                            : OkStatus();
  });
  CHECK(commit("m-2", 100'000).code() == StatusCode::kUnavailable);
  CHECK(commit("m-3", 100).ok());  // short ones need no file
  files.SetFault(nullptr);
  CHECK(commit("m-4", 100'000).ok());
  for (const char* id : {"m-1", "m-3", "m-4"}) {
    const auto state = Await(threads.get_executor(), store->LoadMessage(MessageId(id)));
    REQUIRE(state.ok());
    const auto reader = store->OpenContent(state->content);
    REQUIRE(reader.ok());
    CHECK(ReadAll(**reader) == Octets((*reader)->octets()));
  }
  CHECK(Await(threads.get_executor(), store->CountOpenMessages()).value() == 3);
}

// What a hook put is committed with its answer, however often the disk refuses that (M2).
TEST_CASE("SqliteStore: content that could not be made durable is written anew",
          "[store][faults]") {
  FakeFileSystem files;
  const TemporaryFolder folder;
  SqliteStore::Options options;
  options.files = &files;
  std::ofstream(folder.path() + "/state.db").close();
  async::asio::thread_pool threads(2);
  const auto store = SqliteStore::Open(folder.path(), options).value();
  const std::string octets = Octets(200'000);
  const std::shared_ptr<ports::ContentWriter> content = store->NewContent().value();
  REQUIRE(content->Write(octets).ok());
  const auto commit = [&] {
    Transaction transaction;
    transaction.contents.push_back(content);
    Add(transaction, ActiveMessage("m-1", content->id()));
    return Await(threads.get_executor(), store->Commit(std::move(transaction)));
  };
  for (const std::string_view broken : {"write", "sync", "sync", "write"}) {
    files.SetFault([broken](std::string_view operation, const std::string& path) {
      return operation == broken && path.find("content") != std::string::npos ? Unavailable("EIO")
                                                                              : OkStatus();
    });
    CHECK(commit().code() == StatusCode::kUnavailable);
    CHECK(ReadAll(**content->Open()) == octets);
  }
  files.SetFault(nullptr);
  REQUIRE(commit().ok());
  CHECK(ReadAll(**store->OpenContent(content->id())) == octets);
}

// Whoever asks takes no more mail; what is here already needs the rest, to leave.
TEST_CASE("SqliteStore: says that room is short before there is none", "[store][faults]") {
  FakeFileSystem files;
  SqliteStore::Options options;
  options.files = &files;
  // SQLite's files are real, ours are not, which is where it would come from.
  const TemporaryFolder folder;
  std::ofstream(folder.path() + "/state.db").close();
  const auto store = SqliteStore::Open(folder.path(), options).value();
  CHECK(store->CheckRoom().ok());
  files.SetSpace({limits::kDiskReserveOctets - 1, 1ULL << 40U});
  CHECK(store->CheckRoom().code() == StatusCode::kResourceExhausted);
  files.SetSpace({limits::kDiskReserveOctets, 1ULL << 40U});
  CHECK(store->CheckRoom().ok());
  // A small disk: a part of it is enough.
  files.SetSpace({1U << 20U, 8U << 20U});
  CHECK(store->CheckRoom().ok());
  files.SetSpace({(1U << 20U) - 1, 8U << 20U});
  CHECK(store->CheckRoom().code() == StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace penstock::store
