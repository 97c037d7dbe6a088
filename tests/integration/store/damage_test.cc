// SPDX-License-Identifier: Apache-2.0
// Records that rotted: parked and reported, never skipped in silence, never fatal.
#include <filesystem>
#include <fstream>
#include <string>

#include <catch2/catch.hpp>

#include "tests/integration/store/sqlite_fixture.h"

namespace penstock::store {
namespace {

using namespace tests;  // NOLINT(google-build-using-namespace)

// Reads are what finds damage, the writer parks it: its next commit comes after that.
void WaitForWriter(SqliteFixture& fixture) {
  REQUIRE(Commit(fixture, Transaction()).ok());
}

constexpr char kFlip[] =  // the last octet of a BLOB made another
    "CAST(substr(record, 1, length(record) - 1) AS BLOB)"
    " || CASE substr(record, -1) WHEN x'00' THEN x'01' ELSE x'00' END";

std::string Damage(const std::string& table, const std::string& where) {
  return Cat("UPDATE ", table, " SET record = CAST(", kFlip, " AS BLOB) WHERE ", where);
}

TEST_CASE("SqliteStore: a damaged message is parked, its content kept", "[store][damage]") {
  SqliteFixture fixture;
  const auto first = Accept(fixture, "m-1", "one");
  const auto second =
      Accept(fixture, "m-2", Octets(100'000), {Line(flow::HistoryKind::kAccepted, "kept")});
  const auto third = Accept(fixture, "m-3", "three");
  fixture.Close();
  const std::string reason = "checksum";
  const std::string damage = GENERATE(
      Damage("messages", "id = 'm-2'"),
      std::string("UPDATE messages SET checksum = checksum + 1 WHERE id = 'm-2'"),
      // Another message's record.
      std::string("UPDATE messages SET (record, checksum) = (SELECT record, checksum FROM messages"
                  " WHERE id = 'm-1') WHERE id = 'm-2'"));
  CAPTURE(damage);
  fixture.Sql(damage);
  LogCatcher log;
  fixture.Open();
  SECTION("found by loading") {
    const auto loaded = Load(fixture, "m-2");
    CHECK(loaded.status().code() == StatusCode::kDataLoss);
    CHECK_THAT(std::string(Message(loaded.status())),
               Catch::Contains("m-2") && Catch::Contains("put aside") && Catch::Contains(reason));
  }
  SECTION("found by listing") {
    CHECK(List(fixture) == "m-3 m-1 ");
  }
  WaitForWriter(fixture);
  const auto lines = log.Lines("record_parked");
  REQUIRE(lines.size() == 1);
  CHECK_THAT(lines[0], Catch::StartsWith("record_parked kind=message key=m-2 reason=") &&
                           Catch::Contains(reason));

  CHECK(Load(fixture, "m-2").status().code() == StatusCode::kDataLoss);
  CHECK(List(fixture) == "m-3 m-1 ");
  CHECK(CountOpen(fixture) == 2);
  CHECK(Wakes(fixture) == std::vector<std::string>{"m-1@once", "m-3@once"});
  CHECK(*Load(fixture, "m-1") == first);
  CHECK(*Load(fixture, "m-3") == third);
  CHECK(ReadContent(fixture, second.content) == Octets(100'000));
  fixture.Reopen();
  CHECK(Load(fixture, "m-2").status().code() == StatusCode::kDataLoss);
  CHECK(ReadContent(fixture, second.content) == Octets(100'000));
  // Numbers of parked messages are not given again: the history stays its own.
  Accept(fixture, "m-4");
  CHECK(HistoryOf(fixture, "m-4").empty());
  fixture.Close();
  CHECK(fixture.Sql("SELECT kind, key, message, length(record) > 50 FROM parked") ==
        "message|m-2|2|1\n");
  CHECK(fixture.Sql("SELECT count(*) FROM history WHERE message = 2") == "1\n");
}

TEST_CASE("SqliteStore: a damaged message that is written anew is sound again", "[store][damage]") {
  SqliteFixture fixture;
  const auto state = Accept(fixture, "m-1");
  fixture.Close();
  fixture.Sql(Damage("messages", "id = 'm-1'"));
  fixture.Open();
  REQUIRE(Update(fixture, Waiting(state, At(60))).ok());
  CHECK(*Load(fixture, "m-1") == Waiting(state, At(60)));
  CHECK(CountOpen(fixture) == 1);
}

TEST_CASE("SqliteStore: a damaged line of a history is shown as such", "[store][damage]") {
  SqliteFixture fixture;
  const auto state = Accept(fixture, "m-1", "octets", {Line(flow::HistoryKind::kAccepted, "a")});
  REQUIRE(Update(fixture, state, {Line(flow::HistoryKind::kWarning, "b", At(7))}).ok());
  REQUIRE(Update(fixture, state, {Line(flow::HistoryKind::kWarning, "c")}).ok());
  fixture.Close();
  fixture.Sql(Damage("history", "sequence = 2"));
  LogCatcher log;
  fixture.Open();
  for (int round = 0; round < 3; ++round) {
    const auto history = HistoryOf(fixture, "m-1");
    REQUIRE(history.size() == 3);
    CHECK(history[0].detail == "a");
    CHECK(history[1].kind == flow::HistoryKind::kWarning);
    CHECK(history[1].time == At(7));
    CHECK_THAT(history[1].detail, Catch::Contains("damaged") && Catch::Contains("checksum"));
    CHECK(history[2].detail == "c");
    if (round == 0) WaitForWriter(fixture);
    if (round == 1) fixture.Reopen();
  }
  CHECK(log.Lines("record_parked kind=history").size() == 1);
  fixture.Close();
  CHECK(fixture.Sql("SELECT kind, key, message FROM parked") == "history|1/2|1\n");
}

TEST_CASE("SqliteStore: a damaged async event leaves the queue, not the store", "[store][damage]") {
  SqliteFixture fixture;
  Enqueue(fixture, {EventFor("copier", "a", At(1)), EventFor("copier", "b", At(2)),
                    EventFor("copier", "c", At(3))});
  fixture.Close();
  fixture.Sql(Damage("async_events", "next_attempt = 1700000002000"));
  LogCatcher log;
  fixture.Open();
  CHECK(Queue(fixture, "copier") == "a c ");
  WaitForWriter(fixture);
  CHECK(log.Lines("record_parked kind=async_event").size() == 1);
  CHECK(Counts(fixture) == "copier:2/0/0 ");
  fixture.Close();
  CHECK(fixture.Sql("SELECT kind, count(*) FROM parked") == "async_event|1\n");
}

TEST_CASE("SqliteStore: a damaged resource is left out and kept aside", "[store][damage]") {
  SqliteFixture fixture;
  REQUIRE(Put(fixture, rules::Organization{"acme", {"example.com"}}).ok());
  REQUIRE(Put(fixture, rules::Organization{"beta", {"example.org"}}).ok());
  REQUIRE(Put(fixture, EveryHookField()).ok());
  fixture.Close();
  fixture.Sql(Damage("resources", "name IN ('acme', 'screener')"));
  LogCatcher log;
  fixture.Open();
  const auto resources = Await(fixture.executor(), fixture.store().LoadResources()).value();
  CHECK(resources.organizations == std::vector{rules::Organization{"beta", {"example.org"}}});
  CHECK(resources.hooks.empty());
  WaitForWriter(fixture);
  CHECK(log.Lines("record_parked kind=organization key=acme").size() == 1);
  CHECK(log.Lines("record_parked kind=hook key=screener").size() == 1);
  // It can be set up again.
  REQUIRE(Put(fixture, rules::Organization{"acme", {}}).ok());
  CHECK(Await(fixture.executor(), fixture.store().LoadResources())->organizations.size() == 2);
}

TEST_CASE("SqliteStore: a resource whose kind is damaged is kept aside", "[store][damage]") {
  SqliteFixture fixture;
  REQUIRE(Put(fixture, rules::Organization{"acme", {"example.com"}}).ok());
  fixture.Close();
  fixture.Sql("UPDATE resources SET kind = 'orgenization'");
  LogCatcher log;
  fixture.Open();
  CHECK(Await(fixture.executor(), fixture.store().LoadResources())->organizations.empty());
  WaitForWriter(fixture);
  CHECK(log.Lines("record_parked kind=orgenization key=acme").size() == 1);
  fixture.Close();
  CHECK(fixture.Sql("SELECT kind, key FROM parked") == "orgenization|acme\n");
}

TEST_CASE("SqliteStore: a damaged change keeps its place, without what cannot be read",
          "[store][damage]") {
  SqliteFixture fixture;
  REQUIRE(Put(fixture, rules::Organization{"acme", {}}).ok());
  REQUIRE(Put(fixture, EveryHookField()).ok());
  fixture.Close();
  fixture.Sql("UPDATE changes SET after = x'ff' WHERE kind = 'hook'");
  LogCatcher log;
  fixture.Open();
  const auto changes = Await(fixture.executor(), fixture.store().ListChanges(100, 10)).value();
  REQUIRE(changes.size() == 2);
  CHECK(log.Lines("change_damaged change=2").size() == 1);
  CHECK(changes[0].who == "operator");
  CHECK_FALSE(changes[0].before);
  CHECK_FALSE(changes[0].after);
  CHECK(changes[1].after);
}

TEST_CASE("SqliteStore: a damaged capability key is said, and is none", "[store][damage]") {
  const std::string damage =
      GENERATE(std::string("secret = x'00'"), std::string("made = made + 8796093022208"));
  CAPTURE(damage);
  SqliteFixture fixture;
  Transaction transaction;
  transaction.new_capability_keys = {{7, "a", At(1)}, {8, "b", At(2)}};
  REQUIRE(Commit(fixture, std::move(transaction)).ok());
  fixture.Close();
  fixture.Sql(Cat("UPDATE capability_keys SET ", damage, " WHERE id = 7"));
  LogCatcher log;
  fixture.Open();
  const auto keys = Await(fixture.executor(), fixture.store().LoadCapabilityKeys()).value();
  CHECK(keys == std::vector<ports::CapabilityKey>{{8, "b", At(2)}});
  CHECK(log.Lines("capability_key_damaged key=7").size() == 1);
}

TEST_CASE("SqliteStore: damaged content is data loss, whether it is short or long",
          "[store][damage]") {
  SqliteFixture fixture;
  const auto small = Accept(fixture, "m-1", Octets(100));
  const auto large = Accept(fixture, "m-2", Octets(100'000));
  const auto lost = Accept(fixture, "m-3", Octets(100'000));
  fixture.Close();
  fixture.Sql("UPDATE contents SET data = CAST(substr(data, 2) AS BLOB) WHERE data IS NOT NULL");
  fixture.Sql(
      "UPDATE contents SET blocks = CAST(blocks || x'00' AS BLOB) WHERE number ="
      " (SELECT content FROM messages WHERE id = 'm-3')");
  {
    std::fstream segment(fixture.folder() + "/content/00000001.segment",
                         std::ios::in | std::ios::out | std::ios::binary);
    segment.seekp(70'000);
    segment.put('x');
  }
  LogCatcher log;
  fixture.Open();
  CHECK(log.Lines("content_damaged").size() == 1);  // m-3: where it is, is lost
  CHECK(ReadContent(fixture, small.content) == "DATA_LOSS");
  CHECK(ReadContent(fixture, lost.content) == "DATA_LOSS");
  const auto reader = fixture.store().OpenContent(large.content).value();
  std::string octets(65'536, '\0');
  CHECK(reader->Read(0, octets).ok());
  CHECK(reader->Read(65'536, octets).status().code() == StatusCode::kDataLoss);
  // Their messages can still be ended.
  for (const auto& state : {small, large, lost})
    CHECK(Update(fixture, Closed(state)).ok());
  CHECK(CountOpen(fixture) == 0);
  fixture.Reopen();
  CHECK(fixture.sqlite().content_usage().segments == 0);
}

TEST_CASE("SqliteStore: purging parks what says that it is not closed", "[store][damage]") {
  SqliteFixture fixture;
  const auto open = Accept(fixture, "m-1");
  REQUIRE(Update(fixture, Closed(Accept(fixture, "m-2"))).ok());
  fixture.Close();
  fixture.Sql("UPDATE messages SET phase = 3 WHERE id = 'm-1'");  // a bit that flipped
  LogCatcher log;
  fixture.Open();
  CHECK(Await(fixture.executor(), fixture.store().PurgeMessages(At(1'000'000), 10)).value() == 1);
  CHECK(log.Lines("record_parked kind=message key=m-1").size() == 1);
  CHECK(ReadContent(fixture, open.content) == "octets");
}

}  // namespace
}  // namespace penstock::store
