// SPDX-License-Identifier: Apache-2.0
// What every ports::Store does, clause by clause of engine/ports/store.h. Included once, by the
// test that runs it, after STORE_FIXTURES has been defined as a list of types like this one:
//
//   struct Fixture {                        // one store, empty
//     ports::Store& store();
//     async::Executor executor();           // of threads that are not the test's
//   };
//
// What only a durable store can show (restarts, damage) is with its adapter.
#pragma once

#include <algorithm>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/support/store_conformance_queues.h"
#include "tests/support/store_conformance_retention.h"
#include "tests/support/store_steps.h"

namespace penstock::tests {

TEMPLATE_TEST_CASE("Store: a committed message reads back as it was written", "[store]",
                   STORE_FIXTURES) {
  TestType fixture;
  Transaction transaction;
  transaction.contents.push_back(Content(fixture, "octets"));
  transaction.contents.push_back(Content(fixture, "other octets"));
  flow::MessageState state = EveryField();
  state.content = transaction.contents[0]->id();
  state.invocations[1].replaced->id = transaction.contents[1]->id();
  Add(transaction, state, {EveryHistoryField()});
  REQUIRE(Commit(fixture, std::move(transaction)).ok());

  const auto loaded = Load(fixture, state.id.text());
  REQUIRE(loaded.ok());
  CHECK(*loaded == state);
  const auto history = HistoryOf(fixture, state.id.text());
  REQUIRE(history.size() == 1);
  CHECK(history[0] == EveryHistoryField());
}

TEMPLATE_TEST_CASE("Store: a message that is not there is not found", "[store]", STORE_FIXTURES) {
  TestType fixture;
  CHECK(Load(fixture, "m-1").status().code() == StatusCode::kNotFound);
  CHECK(Await(fixture.executor(), fixture.store().LoadMessageWithHistory(MessageId("m-1")))
            .status()
            .code() == StatusCode::kNotFound);
}

TEMPLATE_TEST_CASE("Store: a later commit replaces the state and adds to the history", "[store]",
                   STORE_FIXTURES) {
  TestType fixture;
  const flow::MessageState state =
      Accept(fixture, "m-1", "octets", {Line(flow::HistoryKind::kAccepted, "first")});
  const flow::MessageState waiting = Waiting(state, At(60));
  REQUIRE(Update(fixture, waiting,
                 {Line(flow::HistoryKind::kHookAttempt, "second"),
                  Line(flow::HistoryKind::kRetryScheduled, "third")})
              .ok());
  CHECK(*Load(fixture, "m-1") == waiting);
  std::string details;
  for (const flow::HistoryEntry& entry : HistoryOf(fixture, "m-1"))
    details += entry.detail + " ";
  CHECK(details == "first second third ");
}

TEMPLATE_TEST_CASE("Store: history is added to a message that is open or closed", "[store]",
                   STORE_FIXTURES) {
  TestType fixture;
  const flow::MessageState state = Accept(fixture, "m-1");
  const auto append = [&fixture](std::vector<std::string> ids) {
    Transaction transaction;
    for (std::string& id : ids) {
      transaction.history.push_back(
          {MessageId(std::move(id)), {Line(flow::HistoryKind::kAsyncAttempt, "a")}});
    }
    return Commit(fixture, std::move(transaction));
  };
  CHECK(append({"m-1"}).ok());
  REQUIRE(Update(fixture, Closed(state)).ok());
  CHECK(append({"gone", "m-1"}).ok());
  CHECK(HistoryOf(fixture, "m-1").size() == 2);
}

TEMPLATE_TEST_CASE("Store: content reads back octet for octet", "[store][content]",
                   STORE_FIXTURES) {
  TestType fixture;
  for (const std::size_t size : {0, 1, 16'383, 16'384, 16'385, 65'535, 65'536, 65'537, 200'000}) {
    CAPTURE(size);
    const std::string octets = Octets(size);
    const flow::MessageState state = Accept(fixture, Cat("m-", size), octets);
    auto reader = fixture.store().OpenContent(state.content);
    REQUIRE(reader.ok());
    CHECK((*reader)->octets() == size);
    CHECK(ReadAll(**reader) == octets);
    CHECK(ReadAll(**reader, 65'536) == octets);
    CHECK(ReadAll(**reader, 777) == octets);
    std::string buffer(10, '\0');
    CHECK((*reader)->Read(size, buffer).value() == 0);
    CHECK((*reader)->Read(size + 1'000'000, buffer).value() == 0);
  }
}

TEMPLATE_TEST_CASE("Store: content is the same whatever the pieces it was written in",
                   "[store][content]", STORE_FIXTURES) {
  TestType fixture;
  const std::string octets = Octets(300'000);
  for (const std::size_t piece : {1'000, 65'536, 100'000, 299'999}) {
    Transaction transaction;
    transaction.contents.push_back(Content(fixture, ""));
    ports::ContentWriter& writer = *transaction.contents[0];
    for (std::size_t at = 0; at < octets.size(); at += piece) {
      REQUIRE(writer.Write(std::string_view(octets).substr(at, piece)).ok());
      CHECK(writer.octets() == std::min(at + piece, octets.size()));
    }
    const ContentId id = writer.id();
    Add(transaction, ActiveMessage(Cat("m-", piece), id));
    REQUIRE(Commit(fixture, std::move(transaction)).ok());
    CHECK(ReadContent(fixture, id) == octets);
  }
}

TEMPLATE_TEST_CASE("Store: content that is not committed is nobody's", "[store][content]",
                   STORE_FIXTURES) {
  TestType fixture;
  for (const std::size_t size : {10, 100'000}) {
    auto writer = Content(fixture, Octets(size));
    const ContentId id = writer->id();
    CHECK(ReadContent(fixture, id) == "NOT_FOUND");
    writer.reset();
    CHECK(ReadContent(fixture, id) == "NOT_FOUND");
  }
  CHECK(ReadContent(fixture, ContentId("no-such-id")) == "NOT_FOUND");
  CHECK(ReadContent(fixture, ContentId("")) == "NOT_FOUND");
}

TEMPLATE_TEST_CASE("Store: contents have different ids", "[store][content]", STORE_FIXTURES) {
  TestType fixture;
  CHECK(Content(fixture, "a")->id() != Content(fixture, "a")->id());
}

TEMPLATE_TEST_CASE("Store: content goes when its message closes", "[store][content]",
                   STORE_FIXTURES) {
  TestType fixture;
  for (const std::size_t size : {10, 100'000}) {
    const std::string octets = Octets(size);
    const flow::MessageState state = Accept(fixture, Cat("m-", size), octets);
    REQUIRE(Update(fixture, Waiting(state, At(60))).ok());
    CHECK(ReadContent(fixture, state.content) == octets);
    REQUIRE(Update(fixture, Closed(state)).ok());
    CHECK(ReadContent(fixture, state.content) == "NOT_FOUND");
  }
}

TEMPLATE_TEST_CASE("Store: content shared by two messages goes with the last", "[store][content]",
                   STORE_FIXTURES) {
  TestType fixture;
  for (const std::size_t size : {10, 100'000}) {
    const std::string octets = Octets(size);
    Transaction transaction;
    transaction.contents.push_back(Content(fixture, octets));
    const ContentId id = transaction.contents[0]->id();
    const flow::MessageState first = ActiveMessage(Cat("a-", size), id);
    const flow::MessageState second = ActiveMessage(Cat("b-", size), id);
    Add(transaction, first);
    Add(transaction, second);
    REQUIRE(Commit(fixture, std::move(transaction)).ok());
    // A third comes later, as a message that is split may.
    const flow::MessageState third = ActiveMessage(Cat("c-", size), id);
    REQUIRE(Update(fixture, third).ok());

    REQUIRE(Update(fixture, Closed(second)).ok());
    REQUIRE(Update(fixture, Closed(second)).ok());  // closed twice counts once
    REQUIRE(Update(fixture, Closed(first)).ok());
    CHECK(ReadContent(fixture, id) == octets);
    REQUIRE(Update(fixture, Closed(third)).ok());
    CHECK(ReadContent(fixture, id) == "NOT_FOUND");
  }
}

TEMPLATE_TEST_CASE("Store: a message may change its content", "[store][content]", STORE_FIXTURES) {
  TestType fixture;
  flow::MessageState state = Accept(fixture, "m-1", "old");
  const ContentId old = state.content;
  Transaction transaction;
  transaction.contents.push_back(Content(fixture, "new"));
  state.content = transaction.contents[0]->id();
  Add(transaction, state);
  REQUIRE(Commit(fixture, std::move(transaction)).ok());
  CHECK(ReadContent(fixture, old) == "NOT_FOUND");
  CHECK(ReadContent(fixture, state.content) == "new");
}

TEMPLATE_TEST_CASE("Store: content that no open message refers to is not kept", "[store][content]",
                   STORE_FIXTURES) {
  TestType fixture;
  for (const std::size_t size : {10, 100'000}) {
    Transaction transaction;
    transaction.contents.push_back(Content(fixture, Octets(size)));
    const ContentId id = transaction.contents[0]->id();
    Add(transaction, Closed(ActiveMessage(Cat("m-", size), id)));
    REQUIRE(Commit(fixture, std::move(transaction)).ok());
    CHECK(ReadContent(fixture, id) == "NOT_FOUND");
    CHECK(Load(fixture, Cat("m-", size)).ok());
  }
}

TEMPLATE_TEST_CASE("Store: an open reader keeps content readable", "[store][content]",
                   STORE_FIXTURES) {
  TestType fixture;
  for (const std::size_t size : {10, 300'000}) {
    const std::string octets = Octets(size);
    const flow::MessageState state = Accept(fixture, Cat("m-", size), octets);
    auto reader = fixture.store().OpenContent(state.content);
    REQUIRE(reader.ok());
    REQUIRE(Update(fixture, Closed(state)).ok());
    CHECK(ReadAll(**reader) == octets);
  }
}

TEMPLATE_TEST_CASE("Store: a transaction that fails changes nothing", "[store][commit]",
                   STORE_FIXTURES) {
  TestType fixture;
  const flow::MessageState before = Accept(fixture, "m-1");
  Enqueue(fixture, {EventFor("copier", "m-1", At(1))});
  const ports::AsyncEvent event = Events(fixture, "copier")[0];

  Transaction transaction;
  transaction.contents.push_back(Content(fixture, "octets"));
  const ContentId content = transaction.contents[0]->id();
  Add(transaction, ActiveMessage("m-2", content), {Line(flow::HistoryKind::kAccepted, "x")});
  Add(transaction, Closed(before), {Line(flow::HistoryKind::kClosed, "x")});
  transaction.done_async_events.push_back(event.id);
  transaction.new_async_events.push_back(EventFor("other", "m-2", At(1)));
  rules::Organization organization;
  organization.name = "acme";
  ports::ResourceChange change;
  change.resource = organization;
  transaction.resources.push_back(change);
  StatusCode want = StatusCode::kOk;
  SECTION("for a message whose content is not in the store") {
    Add(transaction, ActiveMessage("m-3", ContentId("0000000000000fff")));
    want = StatusCode::kFailedPrecondition;
  }
  SECTION("for a message without content") {
    Add(transaction, ActiveMessage("m-3", ContentId()));
    want = StatusCode::kFailedPrecondition;
  }
  SECTION("for an event that is gone") {
    ports::AsyncEvent gone = event;
    gone.id = event.id + 1000;
    transaction.changed_async_events.push_back(gone);
    want = StatusCode::kNotFound;
  }
  CHECK(Commit(fixture, std::move(transaction)).code() == want);

  CHECK(*Load(fixture, "m-1") == before);
  CHECK(HistoryOf(fixture, "m-1").empty());
  CHECK(ReadContent(fixture, before.content) == "octets");
  CHECK(Load(fixture, "m-2").status().code() == StatusCode::kNotFound);
  CHECK(ReadContent(fixture, content) == "NOT_FOUND");
  CHECK(Counts(fixture) == "copier:1/0/0 ");
  CHECK(CountOpen(fixture) == 1);
  CHECK(Await(fixture.executor(), fixture.store().LoadResources())->organizations.empty());
}

TEMPLATE_TEST_CASE("Store: of many commits at once those that fail take no other with them",
                   "[store][commit]", STORE_FIXTURES) {
  TestType fixture;
  std::vector<std::future<Status>> ends;
  constexpr int kCommits = 300;
  for (int i = 0; i < kCommits; ++i) {
    Transaction transaction;
    transaction.contents.push_back(Content(fixture, Octets(i % 7 == 0 ? 70'000 : 500)));
    const bool sound = i % 3 != 0;
    Add(transaction, ActiveMessage(Cat("m-", i), transaction.contents[0]->id()));
    if (!sound) Add(transaction, ActiveMessage(Cat("x-", i), ContentId("0000000000000fff")));
    ends.push_back(async::asio::co_spawn(fixture.executor(),
                                         fixture.store().Commit(std::move(transaction)),
                                         async::asio::use_future));
  }
  int committed = 0;
  for (int i = 0; i < kCommits; ++i) {
    CAPTURE(i);
    const Status status = ends[static_cast<std::size_t>(i)].get();
    CHECK(status.code() == (i % 3 != 0 ? StatusCode::kOk : StatusCode::kFailedPrecondition));
    CHECK(Load(fixture, Cat("m-", i)).ok() == status.ok());
    CHECK(Load(fixture, Cat("x-", i)).status().code() == StatusCode::kNotFound);
    committed += status.ok() ? 1 : 0;
  }
  CHECK(CountOpen(fixture) == static_cast<std::uint64_t>(committed));
}

TEMPLATE_TEST_CASE("Store: transactions take effect in the order of the calls", "[store][commit]",
                   STORE_FIXTURES) {
  TestType fixture;
  const flow::MessageState state = Accept(fixture, "m-1");
  std::vector<std::future<Status>> ends;
  const async::Executor strand = async::asio::make_strand(fixture.executor());
  for (int i = 1; i <= 100; ++i) {
    Transaction transaction;
    Add(transaction, Waiting(state, At(i)), {Line(flow::HistoryKind::kRetryScheduled, Cat(i))});
    ends.push_back(async::asio::co_spawn(strand, fixture.store().Commit(std::move(transaction)),
                                         async::asio::use_future));
  }
  for (std::future<Status>& end : ends)
    REQUIRE(end.get().ok());
  CHECK(*Load(fixture, "m-1") == Waiting(state, At(100)));
  const auto history = HistoryOf(fixture, "m-1");
  REQUIRE(history.size() == 100);
  for (std::size_t i = 0; i < 100; ++i)
    CHECK(history[i].detail == Cat(i + 1));
}

}  // namespace penstock::tests
