// SPDX-License-Identifier: Apache-2.0
// What every ports::Store does with content that hooks replace or may read later (M2, M5), and with
// the keys of capabilities (P2). A part of store_conformance.h.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/support/store_steps.h"

namespace penstock::tests {

inline ports::RetainedContent Retain(std::string message, std::string invocation, ContentId content,
                                     Time until) {
  return {MessageId(std::move(message)), InvocationId(std::move(invocation)), std::move(content),
          until};
}

// The state with its invocation decided, and its delivery of what the hook put there still to come.
inline flow::MessageState Replaced(flow::MessageState state, const ports::ContentWriter& content) {
  flow::InvocationState& invocation = state.invocations[0];
  invocation.decided = true;
  invocation.replaced = {content.id(), content.octets(), false, false};
  flow::DeliveryState delivery;
  delivery.content_of = 0;
  delivery.next_attempt = At(60);
  state.deliveries.push_back(delivery);
  state.recipients[0].delivery = 0;
  state.recipients[0].outcome = rules::Verdict{};
  return state;
}

inline flow::MessageState Delivered(flow::MessageState state) {
  state.deliveries[0].done = true;
  return state;
}

template <class Fixture>
Status CommitRetained(Fixture& fixture, std::vector<ports::RetainedContent> retained) {
  Transaction transaction;
  transaction.retained = std::move(retained);
  return Commit(fixture, std::move(transaction));
}

template <class Fixture>
std::size_t Release(Fixture& fixture, Time before, std::size_t limit = 100) {
  return Await(fixture.executor(), fixture.store().ReleaseRetained(before, limit)).value();
}

TEMPLATE_TEST_CASE("Store: what is written so far can be read before it is committed",
                   "[store][content]", STORE_FIXTURES) {
  TestType fixture;
  for (const std::size_t size : {0, 1, 16'384, 65'536, 65'537, 200'000}) {
    CAPTURE(size);
    const std::string octets = Octets(size);
    auto writer = Content(fixture, octets);
    const auto staged = writer->Open();
    REQUIRE(staged.ok());
    CHECK((*staged)->octets() == size);
    REQUIRE(writer->Write("more").ok());
    CHECK(ReadAll(**staged) == octets);  // as it was
    CHECK(ReadAll(**staged, 777) == octets);
    CHECK(ReadAll(**writer->Open()) == octets + "more");

    SECTION("while it is committed, and after it") {
      Transaction transaction;
      const ContentId id = writer->id();
      transaction.contents.push_back(std::move(writer));
      const flow::MessageState state = ActiveMessage(Cat("m-", size), id);
      Add(transaction, state);
      REQUIRE(Commit(fixture, std::move(transaction)).ok());
      REQUIRE(Update(fixture, Closed(state)).ok());
    }
    SECTION("when it is given up") {
      writer.reset();
    }
    CHECK(ReadAll(**staged) == octets);
  }
}

TEMPLATE_TEST_CASE("Store: contents of a transaction that failed can be committed by the next",
                   "[store][content]", STORE_FIXTURES) {
  TestType fixture;
  for (const std::size_t size : {10, 100'000}) {
    const std::string octets = Octets(size);
    const std::shared_ptr<ports::ContentWriter> content = Content(fixture, octets);
    Transaction failing;
    failing.contents.push_back(content);
    Add(failing, ActiveMessage(Cat("m-", size), content->id()));
    Add(failing, ActiveMessage("m-x", ContentId("0000000000000fff")));
    CHECK(Commit(fixture, std::move(failing)).code() == StatusCode::kFailedPrecondition);
    CHECK(ReadAll(**content->Open()) == octets);

    Transaction again;
    again.contents.push_back(content);
    Add(again, ActiveMessage(Cat("m-", size), content->id()));
    REQUIRE(Commit(fixture, std::move(again)).ok());
    CHECK(ReadContent(fixture, content->id()) == octets);
  }
}

TEMPLATE_TEST_CASE("Store: replaced content goes with its message, and beside what was received",
                   "[store][content]", STORE_FIXTURES) {
  TestType fixture;
  for (const std::size_t size : {10, 100'000}) {
    const flow::MessageState state = Accept(fixture, Cat("m-", size), "as received");
    Transaction transaction;
    transaction.contents.push_back(Content(fixture, Octets(size)));
    const flow::MessageState replaced = Replaced(state, *transaction.contents[0]);
    const ContentId id = transaction.contents[0]->id();
    Add(transaction, replaced);
    REQUIRE(Commit(fixture, std::move(transaction)).ok());
    CHECK(*Load(fixture, state.id.text()) == replaced);
    REQUIRE(Update(fixture, replaced).ok());  // written again counts once
    CHECK(ReadContent(fixture, id) == Octets(size));
    CHECK(ReadContent(fixture, state.content) == "as received");
    REQUIRE(Update(fixture, Delivered(replaced)).ok());
    CHECK(ReadContent(fixture, id) == "NOT_FOUND");
    CHECK(ReadContent(fixture, state.content) == "NOT_FOUND");
  }
}

TEMPLATE_TEST_CASE("Store: an open message's replaced content must be there", "[store][content]",
                   STORE_FIXTURES) {
  TestType fixture;
  const flow::MessageState state = Accept(fixture, "m-1");
  const flow::MessageState without = Replaced(state, *Content(fixture, "nowhere"));
  CHECK(Update(fixture, without).code() == StatusCode::kFailedPrecondition);
  CHECK(*Load(fixture, "m-1") == state);
}

TEMPLATE_TEST_CASE("Store: retained content outlives its message and the record of it",
                   "[store][retained]", STORE_FIXTURES) {
  TestType fixture;
  const flow::MessageState state = Accept(fixture, "m-1", "as received");
  CHECK(Retained(fixture, "m-1").empty());
  REQUIRE(CommitRetained(fixture, {Retain("m-1", "", state.content, At(100))}).ok());
  CHECK(Retained(fixture, "m-1") == ":as received@100 ");
  CHECK(Retained(fixture, "m-2").empty());
  REQUIRE(Update(fixture, Closed(state)).ok());
  CHECK(Retained(fixture, "m-1") == ":as received@100 ");
  REQUIRE(Await(fixture.executor(), fixture.store().PurgeMessages(At(1), 10)).value() == 1);
  CHECK(Retained(fixture, "m-1") == ":as received@100 ");

  CHECK(Release(fixture, At(100)) == 0);
  CHECK(Release(fixture, At(101)) == 1);
  CHECK(Retained(fixture, "m-1").empty());
  CHECK(ReadContent(fixture, state.content) == "NOT_FOUND");
}

TEMPLATE_TEST_CASE("Store: content may be retained from the commit that closes its message on",
                   "[store][retained]", STORE_FIXTURES) {
  TestType fixture;
  const flow::MessageState state = Accept(fixture, "m-1", "as received");
  Transaction transaction;
  Add(transaction, Closed(state));
  transaction.retained.push_back(Retain("m-1", "", state.content, At(100)));
  REQUIRE(Commit(fixture, std::move(transaction)).ok());
  CHECK(Retained(fixture, "m-1") == ":as received@100 ");
  REQUIRE(Update(fixture, Closed(state)).ok());
  CHECK(Retained(fixture, "m-1") == ":as received@100 ");
}

TEMPLATE_TEST_CASE("Store: what an invocation put there is retained beside what was received",
                   "[store][retained]", STORE_FIXTURES) {
  TestType fixture;
  const flow::MessageState state = Accept(fixture, "m-1", "as received");
  const auto put = [&](std::string invocation, std::string_view octets) {
    Transaction transaction;
    transaction.contents.push_back(Content(fixture, octets));
    const ContentId id = transaction.contents[0]->id();
    transaction.retained.push_back(Retain("m-1", std::move(invocation), id, At(50)));
    REQUIRE(Commit(fixture, std::move(transaction)).ok());
    return id;
  };
  const ContentId first = put("b", "first");
  REQUIRE(CommitRetained(fixture, {Retain("m-1", "", state.content, At(60))}).ok());
  put("a", "another");
  CHECK(Retained(fixture, "m-1") == ":as received@60 a:another@50 b:first@50 ");
  put("b", "second");
  CHECK(Retained(fixture, "m-1") == ":as received@60 a:another@50 b:second@50 ");
  CHECK(ReadContent(fixture, first) == "NOT_FOUND");
  REQUIRE(CommitRetained(fixture, {Retain("m-1", "", state.content, At(70))}).ok());
  CHECK(Retained(fixture, "m-1") == ":as received@70 a:another@50 b:second@50 ");
}

TEMPLATE_TEST_CASE("Store: content that is nowhere cannot be retained", "[store][retained]",
                   STORE_FIXTURES) {
  TestType fixture;
  Accept(fixture, "m-1");
  for (const std::string id : {"0000000000000fff", "", "no-such-id"}) {
    const Status status = CommitRetained(fixture, {Retain("m-1", "", ContentId(id), At(60))});
    CHECK(status.code() == StatusCode::kFailedPrecondition);
  }
  CHECK(Retained(fixture, "m-1").empty());
}

TEMPLATE_TEST_CASE("Store: what is retained the shortest is released first", "[store][retained]",
                   STORE_FIXTURES) {
  TestType fixture;
  for (const int i : {3, 1, 5, 2, 4}) {
    const flow::MessageState state = Accept(fixture, Cat("m-", i), Octets(i == 2 ? 100'000 : 10));
    REQUIRE(CommitRetained(fixture, {Retain(Cat("m-", i), "", state.content, At(i))}).ok());
    if (i != 4) {
      REQUIRE(Update(fixture, Closed(state)).ok());
    }
  }
  const auto left = [&fixture] {
    std::string text;
    for (int i = 1; i <= 5; ++i)
      text += Retained(fixture, Cat("m-", i)).empty() ? "-" : "r";
    return text;
  };
  CHECK(Release(fixture, Time::max(), 2) == 2);
  CHECK(left() == "--rrr");
  CHECK(Release(fixture, Time::max(), 2) == 2);
  CHECK(left() == "----r");
  CHECK(ReadContent(fixture, Load(fixture, "m-4")->content) == Octets(10));  // it is open
  CHECK(ReadContent(fixture, Load(fixture, "m-3")->content) == "NOT_FOUND");
  CHECK(Release(fixture, Time::max()) == 1);
  CHECK(Release(fixture, Time::max()) == 0);
}

TEMPLATE_TEST_CASE("Store: capability keys are kept until they are removed", "[store]",
                   STORE_FIXTURES) {
  TestType fixture;
  const auto keys = [&fixture] {
    return Await(fixture.executor(), fixture.store().LoadCapabilityKeys()).value();
  };
  CHECK(keys().empty());
  const std::string secret("\0\xff secret", 9);
  const std::vector<ports::CapabilityKey> two = {{7, secret, At(1)}, {4'000'000'000, "b", At(2)}};
  Transaction transaction;
  transaction.new_capability_keys = {two[1], two[0]};
  REQUIRE(Commit(fixture, std::move(transaction)).ok());
  CHECK(keys() == two);
  Transaction rotation;
  rotation.new_capability_keys = {{7, "c", At(3)}};
  rotation.removed_capability_keys = {4'000'000'000, 12};
  REQUIRE(Commit(fixture, std::move(rotation)).ok());
  CHECK(keys() == std::vector<ports::CapabilityKey>{{7, "c", At(3)}});
}

}  // namespace penstock::tests
