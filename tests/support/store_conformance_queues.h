// SPDX-License-Identifier: Apache-2.0
// The part of the conformance suite about lists and queues: wakes, pages, async events, resources,
// purging. Included by store_conformance.h.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/support/store_steps.h"

namespace penstock::tests {

TEMPLATE_TEST_CASE("Store: wakes are of all open messages and of no other", "[store][wake]",
                   STORE_FIXTURES) {
  TestType fixture;
  CHECK(Wakes(fixture).empty());
  const flow::MessageState first = Accept(fixture, "m-1");
  const flow::MessageState second = Accept(fixture, "m-2");
  const flow::MessageState third = Accept(fixture, "m-3");
  REQUIRE(Update(fixture, Waiting(second, At(60))).ok());
  REQUIRE(Update(fixture, Waiting(third, At(90))).ok());
  CHECK(Wakes(fixture) == std::vector<std::string>{"m-1@once", "m-2@60", "m-3@90"});
  CHECK(CountOpen(fixture) == 3);
  REQUIRE(Update(fixture, Waiting(second, At(120))).ok());
  REQUIRE(Update(fixture, Closed(first)).ok());
  REQUIRE(Update(fixture, third).ok());
  CHECK(Wakes(fixture) == std::vector<std::string>{"m-2@120", "m-3@once"});
  CHECK(CountOpen(fixture) == 2);
}

TEMPLATE_TEST_CASE("Store: messages are listed newest first", "[store][list]", STORE_FIXTURES) {
  TestType fixture;
  CHECK(List(fixture).empty());
  for (const char* id : {"b", "d", "a", "c"})
    Accept(fixture, id);
  CHECK(List(fixture) == "c a d b ");
  // A change of state is no new acceptance.
  REQUIRE(Update(fixture, Waiting(*Load(fixture, "d"), At(5))).ok());
  CHECK(List(fixture) == "c a d b ");
  auto page = Page(fixture, {}, 1);
  REQUIRE(page.ok());
  CHECK(page->messages.at(0) == *Load(fixture, "c"));
}

TEMPLATE_TEST_CASE("Store: pages follow each other without gap or overlap", "[store][list]",
                   STORE_FIXTURES) {
  TestType fixture;
  for (const char* id : {"1", "2", "3", "4", "5"})
    Accept(fixture, id);
  CHECK(List(fixture, {}, 2) == "5 4 |3 2 |1 ");
  CHECK(List(fixture, {}, 5) == "5 4 3 2 1 ");  // no empty page at the end
  auto page = Page(fixture, {}, 2);
  REQUIRE(page.ok());
  Accept(fixture, "6");  // between two pages: it's on neither
  REQUIRE(Update(fixture, Closed(*Load(fixture, "3"))).ok());
  page = Page(fixture, {}, 2, page->next_page_token);
  REQUIRE(page.ok());
  CHECK(page->messages.at(0).id.text() == "3");
  CHECK(page->messages.at(1).id.text() == "2");
}

TEMPLATE_TEST_CASE("Store: a page token that no page gave is refused", "[store][list]",
                   STORE_FIXTURES) {
  TestType fixture;
  Accept(fixture, "1");
  for (const char* token : {"x", "12", "-000000000000001", "ffffffffffffffff", "0000000000000001x",
                            "000000000000000A"}) {
    CAPTURE(token);
    CHECK(Page(fixture, {}, 2, token).status().code() == StatusCode::kInvalidArgument);
  }
}

TEMPLATE_TEST_CASE("Store: a page has a default size and a largest", "[store][list]",
                   STORE_FIXTURES) {
  TestType fixture;
  Transaction transaction;
  transaction.contents.push_back(Content(fixture, "octets"));
  for (std::size_t i = 0; i <= limits::kListPageMax; ++i)
    Add(transaction, ActiveMessage(Cat("m-", i), transaction.contents[0]->id()));
  REQUIRE(Commit(fixture, std::move(transaction)).ok());
  CHECK(Page(fixture, {}, 0)->messages.size() == limits::kListPageDefault);
  CHECK(Page(fixture, {}, limits::kListPageMax + 1)->messages.size() == limits::kListPageMax);
}

TEMPLATE_TEST_CASE("Store: messages are listed by phase and organization", "[store][list]",
                   STORE_FIXTURES) {
  TestType fixture;
  int number = 0;
  const auto accept = [&](std::string organization, auto change) {
    Transaction transaction;
    transaction.contents.push_back(Content(fixture, "octets"));
    flow::MessageState state = ActiveMessage(Cat(++number), transaction.contents[0]->id());
    state.organization = std::move(organization);
    Add(transaction, change(std::move(state)));
    REQUIRE(Commit(fixture, std::move(transaction)).ok());
  };
  const auto active = [](flow::MessageState state) { return state; };
  const auto waiting = [](flow::MessageState state) { return Waiting(std::move(state), At(9)); };
  const auto closed = [](flow::MessageState state) { return Closed(std::move(state)); };
  const auto delivering = [](flow::MessageState state) {
    state = Closed(std::move(state));
    flow::DeliveryState delivery;
    delivery.next_hop = "mailbox";
    delivery.next_attempt = At(60);
    state.deliveries.push_back(delivery);
    state.recipients[0].outcome->action = rules::Action::kDefault;
    state.recipients[0].delivery = 0;
    state.recipients[0].progress = flow::DeliveryProgress::kPending;
    return state;
  };
  accept("acme", active);         // 1
  accept("default", waiting);     // 2
  accept("acme", closed);         // 3
  accept("default", delivering);  // 4
  accept("default", closed);      // 5
  accept("acme", waiting);        // 6
  accept("default", active);      // 7
  accept("acme", delivering);     // 8

  CHECK(List(fixture, {MessagePhase::kActive, ""}) == "7 1 ");
  CHECK(List(fixture, {MessagePhase::kWaiting, ""}) == "6 2 ");
  CHECK(List(fixture, {MessagePhase::kDelivering, ""}) == "8 4 ");
  CHECK(List(fixture, {MessagePhase::kClosed, ""}) == "5 3 ");
  CHECK(List(fixture, {{}, "acme"}) == "8 6 3 1 ");
  CHECK(List(fixture, {{}, "nobody"}).empty());
  CHECK(List(fixture, {MessagePhase::kWaiting, "default"}) == "2 ");
  CHECK(List(fixture, {MessagePhase::kClosed, "acme"}) == "3 ");
  CHECK(List(fixture, {MessagePhase::kClosed, ""}, 1) == "5 |3 ");
  CHECK(List(fixture, {{}, "acme"}, 3) == "8 6 3 |1 ");
}

TEMPLATE_TEST_CASE("Store: async events are queued by their next attempt", "[store][async]",
                   STORE_FIXTURES) {
  TestType fixture;
  CHECK(Counts(fixture).empty());
  CHECK(Queue(fixture, "copier").empty());
  Enqueue(fixture, {EventFor("copier", "c", At(3)), EventFor("copier", "a", At(1)),
                    EventFor("other", "x", At(0))});
  Enqueue(fixture, {EventFor("copier", "b", At(2)), EventFor("copier", "a2", At(1))});
  CHECK(Queue(fixture, "copier") == "a a2 b c ");
  CHECK(Queue(fixture, "copier", 3) == "a a2 b ");
  CHECK(Queue(fixture, "other") == "x ");
  CHECK(Queue(fixture, "nobody").empty());
  CHECK(Counts(fixture) == "copier:4/0/0 other:1/0/0 ");
}

TEMPLATE_TEST_CASE("Store: an async event reads back as it was queued", "[store][async]",
                   STORE_FIXTURES) {
  TestType fixture;
  ports::AsyncEvent event = EveryEventField();
  Enqueue(fixture, {event});
  const auto events = Events(fixture, event.hook);
  REQUIRE(events.size() == 1);
  CHECK(events[0].id > 0);
  event.id = events[0].id;
  CHECK(events[0] == event);
}

TEMPLATE_TEST_CASE("Store: ids of async events grow and never come again", "[store][async]",
                   STORE_FIXTURES) {
  TestType fixture;
  std::int64_t last = 0;
  for (int i = 0; i < 3; ++i) {
    Enqueue(fixture, {EventFor("copier", "m", At(1))});
    const auto events = Events(fixture, "copier");
    REQUIRE(events.size() == 1);
    CHECK(events[0].id > last);
    last = events[0].id;
    Transaction transaction;
    transaction.done_async_events.push_back(last);
    REQUIRE(Commit(fixture, std::move(transaction)).ok());
    CHECK(Events(fixture, "copier").empty());
  }
}

TEMPLATE_TEST_CASE("Store: an async event is put off, dies, comes back and ends", "[store][async]",
                   STORE_FIXTURES) {
  TestType fixture;
  Enqueue(fixture, {EventFor("copier", "a", At(1)), EventFor("copier", "b", At(2))});
  ports::AsyncEvent event = Events(fixture, "copier")[0];
  const auto change = [&fixture](ports::AsyncEvent changed) {
    Transaction transaction;
    transaction.changed_async_events.push_back(std::move(changed));
    return Commit(fixture, std::move(transaction));
  };
  event.attempts_ended = 1;
  event.next_attempt = At(60);
  event.last_error = "connection refused";
  REQUIRE(change(event).ok());
  CHECK(Queue(fixture, "copier") == "b a ");
  CHECK(Events(fixture, "copier")[1] == event);
  event.dead = true;
  REQUIRE(change(event).ok());
  CHECK(Queue(fixture, "copier") == "b ");
  CHECK(Counts(fixture) == "copier:1/1/0 ");
  event.dead = false;
  REQUIRE(change(event).ok());
  CHECK(Queue(fixture, "copier") == "b a ");
  CHECK(Counts(fixture) == "copier:2/0/0 ");
  Transaction done;
  done.done_async_events = {event.id, event.id + 1000};
  REQUIRE(Commit(fixture, std::move(done)).ok());
  CHECK(Counts(fixture) == "copier:1/0/0 ");
  CHECK(change(event).code() == StatusCode::kNotFound);
}

TEMPLATE_TEST_CASE("Store: dead letters are listed the oldest first, by hook and organization",
                   "[store][async]", STORE_FIXTURES) {
  TestType fixture;
  CHECK(DeadLetters(fixture).empty());
  const auto dead = [](std::string hook, std::string_view message, std::string organization) {
    ports::AsyncEvent event = EventFor(std::move(hook), message, At(9));
    event.organization = std::move(organization);
    event.dead = true;
    return event;
  };
  Enqueue(fixture, {dead("copier", "a", "acme"), EventFor("copier", "q", At(1)),
                    dead("other", "b", "default"), dead("copier", "c", "default"),
                    dead("copier", "d", "acme")});
  CHECK(DeadLetters(fixture) == "a b c d ");
  CHECK(DeadLetters(fixture, {}, 3) == "a b c |d ");
  CHECK(DeadLetters(fixture, {}, 4) == "a b c d ");  // no empty page at the end
  CHECK(DeadLetters(fixture, {"copier", ""}, 1) == "a |c |d ");
  CHECK(DeadLetters(fixture, {"nobody", ""}).empty());
  CHECK(DeadLetters(fixture, {"", "default"}) == "b c ");
  CHECK(DeadLetters(fixture, {"copier", "acme"}) == "a d ");
  auto page =
      Await(fixture.executor(), fixture.store().ListDeadLetters(ports::DeadLetterFilter{}, 2, "x"));
  CHECK(page.status().code() == StatusCode::kInvalidArgument);
}

TEMPLATE_TEST_CASE("Store: a dead letter reads back, is redriven, and is one no more",
                   "[store][async]", STORE_FIXTURES) {
  TestType fixture;
  ports::AsyncEvent event = EveryEventField();
  event.dead = true;
  Enqueue(fixture, {event, EventFor("copier", "queued", At(1))});
  const std::int64_t queued = Events(fixture, "copier").at(0).id;
  event.id = queued - 1;
  const auto load = [&fixture](std::int64_t id) {
    return Await(fixture.executor(), fixture.store().LoadDeadLetter(id));
  };
  CHECK(*load(event.id) == event);
  CHECK(load(queued).status().code() == StatusCode::kNotFound);
  CHECK(load(queued + 1).status().code() == StatusCode::kNotFound);
  // H12: the same event under the same invocation id, with attempts of its own again.
  event.dead = false;
  event.attempts_ended = 0;
  event.next_attempt = At(0);
  event.last_error.clear();
  Transaction transaction;
  transaction.changed_async_events.push_back(event);
  REQUIRE(Commit(fixture, std::move(transaction)).ok());
  CHECK(Events(fixture, event.hook).at(0) == event);
  CHECK(load(event.id).status().code() == StatusCode::kNotFound);
  CHECK(DeadLetters(fixture).empty());
  CHECK(Counts(fixture) == "copier:2/0/0 ");
}

TEMPLATE_TEST_CASE("Store: a full queue sends events to the dead letters, which drop the oldest",
                   "[store][async]", STORE_FIXTURES) {
  TestType fixture;
  flow::Hook hook;
  hook.name = "copier";
  hook.target = "127.0.0.1:50051";
  hook.async_queue_max = 2;
  hook.dead_letters_max = 3;
  REQUIRE(Put(fixture, hook).ok());
  Enqueue(fixture, {EventFor("copier", "1", At(1)), EventFor("copier", "2", At(2)),
                    EventFor("copier", "3", At(3)), EventFor("other", "x", At(0))});
  CHECK(Counts(fixture) == "copier:2/1/0 other:1/0/0 ");
  CHECK(Queue(fixture, "copier") == "1 2 ");
  Enqueue(fixture, {EventFor("copier", "4", At(0)), EventFor("copier", "5", At(0)),
                    EventFor("copier", "6", At(0))});
  CHECK(Counts(fixture) == "copier:2/3/1 other:1/0/0 ");

  SECTION("an event that was queued stays queued when it is put off") {
    ports::AsyncEvent event = Events(fixture, "copier")[0];
    event.next_attempt = At(100);
    Transaction transaction;
    transaction.changed_async_events.push_back(event);
    REQUIRE(Commit(fixture, std::move(transaction)).ok());
    CHECK(Queue(fixture, "copier") == "2 1 ");
  }
  SECTION("room that a transaction makes is there for its own events") {
    Transaction transaction;
    transaction.done_async_events.push_back(Events(fixture, "copier")[0].id);
    transaction.new_async_events.push_back(EventFor("copier", "7", At(7)));
    REQUIRE(Commit(fixture, std::move(transaction)).ok());
    CHECK(Queue(fixture, "copier") == "2 7 ");
    CHECK(Counts(fixture) == "copier:2/3/1 other:1/0/0 ");
  }
  SECTION("a dead letter that comes back finds no room either") {
    ports::AsyncEvent event = Events(fixture, "copier")[0];
    event.dead = true;
    Transaction transaction;
    transaction.changed_async_events.push_back(event);
    transaction.new_async_events.push_back(EventFor("copier", "7", At(7)));
    REQUIRE(Commit(fixture, std::move(transaction)).ok());
    // "1", the oldest by far, is the one that the list's bound pushes out.
    CHECK(Counts(fixture) == "copier:2/3/2 other:1/0/0 ");
    event.dead = false;
    Transaction again;
    again.changed_async_events.push_back(event);
    CHECK(Commit(fixture, std::move(again)).code() == StatusCode::kNotFound);
  }
  SECTION("wider bounds hold from their commit on") {
    hook.async_queue_max = 4;
    REQUIRE(Put(fixture, hook).ok());
    Enqueue(fixture, {EventFor("copier", "7", At(7)), EventFor("copier", "8", At(8)),
                      EventFor("copier", "9", At(9))});
    CHECK(Queue(fixture, "copier") == "1 2 7 8 ");
    CHECK(Counts(fixture) == "copier:4/3/2 other:1/0/0 ");
  }
  SECTION("a hook that is not registered has the default bounds") {
    REQUIRE(Put(fixture, hook, true).ok());
    Enqueue(fixture, {EventFor("copier", "7", At(7)), EventFor("copier", "8", At(8))});
    CHECK(Queue(fixture, "copier") == "1 2 7 8 ");
  }
}

TEMPLATE_TEST_CASE("Store: a message's history tells of its event that found no room",
                   "[store][async]", STORE_FIXTURES) {
  TestType fixture;
  flow::Hook hook;
  hook.name = "copier";
  hook.async_queue_max = 1;
  REQUIRE(Put(fixture, hook).ok());
  Accept(fixture, "first");
  Enqueue(fixture, {EventFor("copier", "first", At(1))});
  CHECK(HistoryOf(fixture, "first").empty());
  // In the commit that accepts the message, as it comes in.
  Transaction transaction;
  transaction.contents.push_back(Content(fixture, "octets"));
  Add(transaction, ActiveMessage("second", transaction.contents[0]->id()));
  transaction.new_async_events.push_back(EventFor("copier", "second", At(2)));
  REQUIRE(Commit(fixture, std::move(transaction)).ok());
  const auto history = HistoryOf(fixture, "second");
  REQUIRE(history.size() == 1);
  CHECK(history[0].kind == flow::HistoryKind::kAsyncDeadLetter);
  CHECK(history[0].rule == "copy");
  CHECK(history[0].hook == "copier");
  CHECK(history[0].time == At(2));
  CHECK(history[0].detail == "queue of hook copier: full (1 events)");
}

TEMPLATE_TEST_CASE("Store: a queue without room sends everything to the dead letters",
                   "[store][async]", STORE_FIXTURES) {
  TestType fixture;
  flow::Hook hook;
  hook.name = "copier";
  hook.async_queue_max = 0;
  hook.dead_letters_max = 1;
  REQUIRE(Put(fixture, hook).ok());
  Enqueue(fixture, {EventFor("copier", "1", At(1))});
  CHECK(Counts(fixture) == "copier:0/1/0 ");
  CHECK(Queue(fixture, "copier").empty());
  hook.dead_letters_max = 0;
  REQUIRE(Put(fixture, hook).ok());
  Enqueue(fixture, {EventFor("copier", "2", At(1))});
  CHECK(Counts(fixture) == "copier:0/0/2 ");
}

TEMPLATE_TEST_CASE("Store: resources read back as they were put, by name", "[store][resources]",
                   STORE_FIXTURES) {
  TestType fixture;
  const auto load = [&fixture] {
    auto loaded = Await(fixture.executor(), fixture.store().LoadResources());
    REQUIRE(loaded.ok());
    return *loaded;
  };
  CHECK(load().organizations.empty());
  CHECK(load().hooks.empty());
  CHECK(load().rules.empty());
  rules::Organization organization = {"zeta", {"example.com", "EXAMPLE.org"}};
  const rules::Organization other = {"alpha", {}};
  flow::Hook hook = EveryHookField();
  rules::FlowRule rule = EveryRuleField();
  rules::FlowRule same_name = rule;
  same_name.direction = rules::FlowDirection::kOutbound;
  REQUIRE(Put(fixture, organization).ok());
  REQUIRE(Put(fixture, other).ok());
  REQUIRE(Put(fixture, hook).ok());
  REQUIRE(Put(fixture, rule).ok());
  REQUIRE(Put(fixture, same_name).ok());
  CHECK(load().organizations == std::vector{other, organization});
  CHECK(load().hooks == std::vector{hook});
  CHECK(load().rules == std::vector{rule, same_name});

  organization.domains = {"example.net"};
  hook.tls.reset();
  rule.run_hook.reset();
  REQUIRE(Put(fixture, organization).ok());
  REQUIRE(Put(fixture, hook).ok());
  REQUIRE(Put(fixture, rule).ok());
  REQUIRE(Put(fixture, same_name, true).ok());
  REQUIRE(Put(fixture, other, true).ok());
  CHECK(load().organizations == std::vector{organization});
  CHECK(load().hooks == std::vector{hook});
  CHECK(load().rules == std::vector{rule});
}

TEMPLATE_TEST_CASE("Store: changes are on record with before and after, the newest first",
                   "[store][changes]", STORE_FIXTURES) {
  TestType fixture;
  const auto list = [&fixture](std::int64_t before, std::size_t limit) {
    return Await(fixture.executor(), fixture.store().ListChanges(before, limit)).value();
  };
  constexpr std::int64_t kAll = std::numeric_limits<std::int64_t>::max();
  CHECK(list(kAll, 10).empty());
  const rules::Organization organization = {"acme", {"example.com"}};
  const rules::Organization larger = {"acme", {"example.com", "EXAMPLE.org"}};
  const flow::Hook hook = EveryHookField();
  const rules::FlowRule rule = EveryRuleField();
  REQUIRE(Put(fixture, organization).ok());
  Transaction together;
  for (const flow::Resource& resource : {flow::Resource(larger), flow::Resource(hook)}) {
    together.resources.push_back({resource, false, "unproven:alice", At(60)});
  }
  REQUIRE(Commit(fixture, std::move(together)).ok());
  REQUIRE(Put(fixture, rule).ok());
  REQUIRE(Put(fixture, rule, true).ok());

  const std::vector<ports::RecordedChange> changes = {
      {5, At(0), "operator", rule, std::nullopt},
      {4, At(0), "operator", std::nullopt, rule},
      {3, At(60), "unproven:alice", std::nullopt, hook},
      {2, At(60), "unproven:alice", organization, larger},
      {1, At(0), "operator", std::nullopt, organization},
  };
  CHECK(list(kAll, 10) == changes);
  CHECK(list(kAll, 2) == std::vector(changes.begin(), changes.begin() + 2));
  CHECK(list(4, 2) == std::vector(changes.begin() + 2, changes.begin() + 4));
  CHECK(list(1, 2).empty());
  CHECK(list(kAll, 0).empty());
}

TEMPLATE_TEST_CASE("Store: a transaction that fails puts no change on record", "[store][changes]",
                   STORE_FIXTURES) {
  TestType fixture;
  Transaction transaction;
  transaction.resources.push_back({rules::Organization{"acme", {}}, false, "operator", At(0)});
  ports::AsyncEvent gone = EventFor("copier", "1", At(0));
  gone.id = 7;
  transaction.changed_async_events.push_back(gone);
  REQUIRE_FALSE(Commit(fixture, std::move(transaction)).ok());
  CHECK(Await(fixture.executor(), fixture.store().ListChanges(100, 10)).value().empty());
}

TEMPLATE_TEST_CASE("Store: purging takes closed messages of before, and no more than asked",
                   "[store][purge]", STORE_FIXTURES) {
  TestType fixture;
  for (int i = 0; i < 6; ++i) {
    flow::MessageState state =
        Accept(fixture, Cat(i), "octets", {Line(flow::HistoryKind::kAccepted, "x")});
    state.received = At(i);
    if (i != 1) state = Closed(state);
    REQUIRE(Update(fixture, state).ok());
  }
  const auto purge = [&fixture](Time before, std::size_t limit) {
    return Await(fixture.executor(), fixture.store().PurgeMessages(before, limit)).value();
  };
  CHECK(purge(At(0), 10) == 0);
  CHECK(purge(At(4), 2) == 2);
  CHECK(List(fixture) == "5 4 3 1 ");
  CHECK(purge(At(4), 2) == 1);
  CHECK(purge(At(4), 2) == 0);
  CHECK(List(fixture) == "5 4 1 ");
  CHECK(Load(fixture, "2").status().code() == StatusCode::kNotFound);
  CHECK(CountOpen(fixture) == 1);
  CHECK(Wakes(fixture) == std::vector<std::string>{"1@once"});
  // A name that is free again is a new message, without the history of the old.
  Accept(fixture, "2");
  CHECK(HistoryOf(fixture, "2").empty());
  CHECK(List(fixture) == "2 5 4 1 ");
}

}  // namespace penstock::tests
