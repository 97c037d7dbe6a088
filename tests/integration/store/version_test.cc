// SPDX-License-Identifier: Apache-2.0
// A store that an older version wrote reads back as it was written. tests/data/store has one for
// each version, in SQL. Made when a version is new, and never changed after that:
//   PENSTOCK_FIXTURE=/an/empty/folder store_integration_test "[.fixture]"
// then `.dump` of its state.db, with "PRAGMA application_id" and "PRAGMA user_version" before it.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <sqlite3.h>

#include <boost/asio/thread_pool.hpp>
#include <catch2/catch.hpp>

#include "engine/store/schema.h"
#include "engine/store/sqlite_store.h"
#include "tests/support/store_steps.h"
#include "tests/support/temporary_folder.h"

namespace penstock::store {
namespace {

using namespace tests;  // NOLINT(google-build-using-namespace)

constexpr std::size_t kLongContent = 9000;  // in a segment, alone

SqliteStore::Options WithSegments() {
  SqliteStore::Options options;
  options.inline_content_octets_max = kLongContent - 1;
  return options;
}

struct OpenStore {
  explicit OpenStore(const std::string& folder)
      : sqlite(SqliteStore::Open(folder, WithSegments()).value()) {}

  ports::Store& store() { return *sqlite; }

  async::Executor executor() { return threads.get_executor(); }

  boost::asio::thread_pool threads{1};
  std::unique_ptr<SqliteStore> sqlite;
};

ports::AsyncEvent DeadEvent() {
  ports::AsyncEvent event = EventFor("copier", "m-2", At(3));
  event.dead = true;
  event.last_error = "given up";
  return event;
}

TEST_CASE("SqliteStore: writes a store for tests of later versions", "[.fixture]") {
  const char* folder = std::getenv("PENSTOCK_FIXTURE");  // NOLINT(concurrency-mt-unsafe)
  REQUIRE(folder != nullptr);
  OpenStore open(folder);
  REQUIRE(Put(open, rules::Organization{"acme", {"example.com"}}).ok());
  REQUIRE(Put(open, EveryHookField()).ok());
  REQUIRE(Put(open, EveryRuleField()).ok());
  Transaction transaction;
  transaction.contents.push_back(Content(open, "octets\xff"));
  transaction.contents.push_back(Content(open, "replaced"));
  flow::MessageState every = EveryField();
  every.content = transaction.contents[0]->id();
  every.invocations[1].replaced->id = transaction.contents[1]->id();
  Add(transaction, every, {EveryHistoryField()});
  transaction.retained.push_back({every.id, InvocationId(), every.content, At(86'400)});
  transaction.new_capability_keys.push_back({3, "secret\xff", At(4)});
  REQUIRE(Commit(open, std::move(transaction)).ok());
  Accept(open, "m-2", Octets(kLongContent), {Line(flow::HistoryKind::kAccepted, "second")});
  REQUIRE(Update(open, Closed(Accept(open, "m-3"))).ok());
  Enqueue(open, {EveryEventField(), DeadEvent()});
}

// Lays the store of a version's SQL into `folder`.
void Restore(const std::filesystem::path& sql, const std::string& folder) {
  std::ifstream file(sql, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  REQUIRE(text.size() > 1000);
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open((folder + "/state.db").c_str(), &database) == SQLITE_OK);
  const int result = sqlite3_exec(database, text.c_str(), nullptr, nullptr, nullptr);
  const std::string error = sqlite3_errmsg(database);
  sqlite3_close(database);
  CAPTURE(error);
  REQUIRE(result == SQLITE_OK);
  std::filesystem::create_directory(folder + "/content");
  std::ofstream(folder + "/content/00000001.segment", std::ios::binary) << Octets(kLongContent);
}

// EveryField as `version` could write it; what came with no version of its own is not in the files.
flow::MessageState EveryFieldOf(int version) {
  flow::MessageState every = EveryField();
  every.client.forwarded.clear();
  every.dsn = {};
  for (flow::RecipientState& recipient : every.recipients)
    recipient.dsn = {};
  if (version == 1) {
    every.retained = false;
    every.invocations[1].replaced.reset();
    every.deliveries[1].content_of = flow::kNoIndex;
  }
  return every;
}

// "version_2.sql": 2
int VersionOf(const std::filesystem::path& sql) {
  return std::stoi(sql.stem().string().substr(std::string("version_").size()));
}

// What came with no version of its own, for older programs may ignore it, has its default.
flow::Hook HookOf(int version) {
  flow::Hook hook = EveryHookField();
  if (version == 1) hook.stream = false;
  hook.sync_deadline = limits::kSyncCallDeadline;
  return hook;
}

TEST_CASE("SqliteStore: what an older version wrote reads back, and goes on", "[store][version]") {
  std::vector<std::filesystem::path> versions;
  for (const auto& entry : std::filesystem::directory_iterator(STORE_VERSIONS))
    versions.push_back(entry.path());
  REQUIRE(versions.size() == static_cast<std::size_t>(SchemaVersion()));  // each has one
  for (const std::filesystem::path& sql : versions) {
    CAPTURE(sql.string());
    const TemporaryFolder folder;
    Restore(sql, folder.path());
    OpenStore open(folder.path());

    auto every = Load(open, EveryField().id.text());
    REQUIRE(every.ok());
    CHECK(ReadContent(open, every->content) == "octets\xff");
    flow::MessageState want = EveryFieldOf(VersionOf(sql));
    want.content = every->content;
    if (VersionOf(sql) > 1) {
      want.invocations[1].replaced->id = every->invocations[1].replaced->id;
      CHECK(ReadContent(open, every->invocations[1].replaced->id) == "replaced");
      CHECK(Retained(open, want.id.text()) == ":octets\xff@86400 ");
      CHECK(Await(open.executor(), open.store().LoadCapabilityKeys()).value() ==
            std::vector<ports::CapabilityKey>{{3, "secret\xff", At(4)}});
    }
    CHECK(*every == want);
    CHECK(HistoryOf(open, EveryField().id.text()) == std::vector{EveryHistoryField()});
    CHECK(ReadContent(open, Load(open, "m-2")->content) == Octets(kLongContent));
    CHECK(flow::Phase(*Load(open, "m-3")) == MessagePhase::kClosed);
    CHECK(CountOpen(open) == 2);
    CHECK(Counts(open) == "copier:1/1/0 ");
    std::vector<ports::AsyncEvent> events = Events(open, "copier");
    REQUIRE(events.size() == 1);
    events[0].id = EveryEventField().id;
    CHECK(events[0] == EveryEventField());
    const auto resources = Await(open.executor(), open.store().LoadResources()).value();
    CHECK(resources.organizations == std::vector{rules::Organization{"acme", {"example.com"}}});
    CHECK(resources.hooks == std::vector{HookOf(VersionOf(sql))});
    CHECK(resources.rules == std::vector{EveryRuleField()});

    Accept(open, "m-4", Octets(kLongContent));
    REQUIRE(Update(open, Closed(*Load(open, "m-2"))).ok());
    CHECK(List(open) == Cat("m-4 m-3 m-2 ", EveryField().id.text(), " "));
  }
}

}  // namespace
}  // namespace penstock::store
