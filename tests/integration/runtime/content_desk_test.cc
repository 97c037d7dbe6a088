// SPDX-License-Identifier: Apache-2.0
// What hooks see of content and what becomes of what they put (SPEC M2, M3, M5), at the desk.
#include "engine/runtime/content_desk.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/thread_pool.hpp>
#include <catch2/catch.hpp>

#include "engine/store/memory_store.h"
#include "engine/store/sqlite_store.h"
#include "tests/support/store_steps.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/watched_store.h"

namespace penstock::runtime {
namespace {

using rules::InvocationMode;
using tests::At;

constexpr std::string_view kReceived =
    "From: ann@far.example\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nSubject: hello\r\n\r\n";

// The same with another body, which begins with `mark`.
std::string Body(std::string_view mark) {
  return Cat(kReceived, mark, "\r\n");
}

// A desk on a store that is empty but for message m-1, received at At(0).
template <class Store>
class DeskOn {
 public:
  explicit DeskOn(std::unique_ptr<Store> store) : inner_(std::move(store)) {
    state = tests::Accept(*this, "m-1", Body("as received"));
  }

  [[nodiscard]] ports::Store& store() { return watched; }

  [[nodiscard]] async::Executor executor() { return threads_.get_executor(); }

  [[nodiscard]] ContentClaim Claim(InvocationMode mode, std::uint32_t attempt = 1) const {
    return {state.id, state.invocations[0].id, attempt, mode};
  }

  // The octets that it sees, or the words of the error.
  std::string Get(const ContentClaim& claim) {
    auto content = tests::Await(executor(), desk.Open(claim));
    return content.ok() ? tests::ReadAll(**content)
                        : std::string(CodeName(content.status().code()));
  }

  StatusOr<std::unique_ptr<Replacement>> Begin(const ContentClaim& claim) {
    return tests::Await(executor(), desk.Replace(claim));
  }

  // "STAGED", "KEPT", or the words of the error.
  std::string Finish(Replacement& replacement) {
    const auto effect = tests::Await(executor(), replacement.Finish());
    if (!effect.ok()) return std::string(CodeName(effect.status().code()));
    return *effect == PutEffect::kStaged ? "STAGED" : "KEPT";
  }

  std::string Put(const ContentClaim& claim, std::string_view octets) {
    auto replacement = Begin(claim);
    if (!replacement.ok()) return std::string(CodeName(replacement.status().code()));
    const Status written = (*replacement)->Write(octets);
    if (!written.ok()) return std::string(CodeName(written.code()));
    return Finish(**replacement);
  }

  [[nodiscard]] ContentDesk::Attempt BeginAttempt(std::uint32_t attempt = 1) {
    return desk.Begin(Claim(InvocationMode::kSync, attempt), state.content);
  }

 private:
  std::unique_ptr<Store> inner_;
  boost::asio::thread_pool threads_{2};

 public:
  tests::WatchedStore watched{*inner_};
  ContentDesk desk{watched};
  flow::MessageState state;
};

struct Desk : DeskOn<store::MemoryStore> {
  Desk() : DeskOn(std::make_unique<store::MemoryStore>()) {}
};

std::string OctetsOf(const StagedContent& staged) {
  return staged.content == nullptr ? "nothing" : tests::ReadAll(**staged.content->Open());
}

TEST_CASE("ContentDesk: a SYNC attempt sees what it put, the next one what was received",
          "[runtime][content]") {
  Desk on;
  const ContentClaim first = on.Claim(InvocationMode::kSync, 1);
  const ContentClaim second = on.Claim(InvocationMode::kSync, 2);
  {
    const auto attempt = on.BeginAttempt(1);
    CHECK(on.Get(first) == Body("as received"));
    CHECK(on.Put(first, Body("first")) == "STAGED");
    CHECK(on.Get(first) == Body("first"));
    CHECK(on.Put(first, Body("first again")) == "STAGED");
    CHECK(on.Get(first) == Body("first again"));
    CHECK(on.Put(second, Body("another attempt's")) == "FAILED_PRECONDITION");
    CHECK(on.Get(second) == Body("as received"));
  }
  auto attempt = on.BeginAttempt(2);
  CHECK(on.Get(first) == Body("as received"));
  CHECK(on.Get(second) == Body("as received"));
  CHECK(OctetsOf(attempt.TakeStaged()) == "nothing");
}

TEST_CASE("ContentDesk: a repeated attempt knows nothing of the run before it",
          "[runtime][content][H4]") {
  Desk on;
  const ContentClaim claim = on.Claim(InvocationMode::kSync);
  ContentClaim earlier = claim;
  earlier.run = 1;
  auto attempt = on.BeginAttempt();
  CHECK(on.Put(earlier, Body("of before")) == "FAILED_PRECONDITION");
  CHECK(on.Put(claim, Body("put")) == "STAGED");
  CHECK(on.Put(earlier, Body("of before")) == "FAILED_PRECONDITION");
  CHECK(on.Get(earlier) == Body("as received"));
  CHECK(OctetsOf(attempt.TakeStaged()) == Body("put"));
}

TEST_CASE("ContentDesk: a Put counts whole or is told that it is too late", "[runtime][content]") {
  Desk on;
  const ContentClaim claim = on.Claim(InvocationMode::kSync);
  std::optional<ContentDesk::Attempt> attempt = on.BeginAttempt();
  auto early = on.Begin(claim);
  auto late = on.Begin(claim);
  REQUIRE(early.ok());
  REQUIRE(late.ok());
  REQUIRE((*early)->Write(Body("early")).ok());
  REQUIRE((*late)->Write(Body("late")).ok());
  CHECK(on.Finish(**early) == "STAGED");
  const auto end = GENERATE(0, 1, 2);
  StagedContent staged;
  if (end == 0) staged = attempt->TakeStaged();
  if (end == 1) attempt.reset();
  if (end == 2) {
    on.desk.Freeze(claim.invocation);
    staged = attempt->TakeStaged();
  }
  CHECK(OctetsOf(staged) == (end == 0 ? Body("early") : "nothing"));
  CHECK((*late)->Write("more").code() == StatusCode::kFailedPrecondition);
  CHECK(on.Finish(**late) == "FAILED_PRECONDITION");
  const auto next = on.Begin(claim);
  CHECK(next.status().code() == StatusCode::kFailedPrecondition);
  CHECK(Message(next.status()).starts_with("MessageFrozen"));
}

TEST_CASE("ContentDesk: says which octets over 127 were put", "[runtime][content]") {
  Desk on;
  const ContentClaim claim = on.Claim(InvocationMode::kSync);
  for (const auto& [subject, body, header_eight_bit, body_eight_bit] :
       {std::tuple("hi", "plain", false, false), std::tuple("hi", "\xc3\xa9", false, true),
        std::tuple("\xc3\xa9", "plain", true, false)}) {
    auto attempt = on.BeginAttempt();
    CHECK(on.Put(claim, Cat("From: ann@far.example\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n",
                            "Subject: ", subject, "\r\n\r\n", body, "\r\n")) == "STAGED");
    const StagedContent staged = attempt.TakeStaged();
    CHECK(staged.header_eight_bit == header_eight_bit);
    CHECK(staged.body_eight_bit == body_eight_bit);
  }
}

TEST_CASE("ContentDesk: what must not replace the content is refused, and changes nothing",
          "[runtime][content]") {
  Desk on;
  const InvocationMode mode = GENERATE(InvocationMode::kSync, InvocationMode::kAsync);
  const ContentClaim claim = on.Claim(mode);
  auto attempt = on.BeginAttempt();
  REQUIRE(on.Put(claim, Body("good")) != "INVALID_ARGUMENT");
  auto replacement = on.Begin(claim);
  REQUIRE(replacement.ok());
  const std::string changed =
      "From: eve@far.example\r\n" + Body("x").substr(Body("x").find("Date"));
  REQUIRE((*replacement)->Write(changed).ok());
  const auto effect = tests::Await(on.executor(), (*replacement)->Finish());
  CHECK(effect.status().code() == StatusCode::kInvalidArgument);
  CHECK(Message(effect.status()).starts_with("MessageRejected: "));
  CHECK(Message(effect.status()).find("From") != std::string::npos);
  CHECK(on.Get(claim) == Body("good"));

  on.desk.SetContentOctetsMax(Body("good").size());
  CHECK(on.Put(claim, Body("fits")) != "RESOURCE_EXHAUSTED");
  CHECK(on.Put(claim, Body("too long")) == "RESOURCE_EXHAUSTED");
  CHECK(on.Get(claim) == Body("fits"));

  mail::ContentRules rules;
  rules.immutable_fields = {"Subject"};
  on.desk.SetRules(rules);
  CHECK(on.Put(claim, changed) == (mode == InvocationMode::kSync ? "STAGED" : "KEPT"));
}

TEST_CASE("ContentDesk: what an ASYNC hook put is its own, and outlives restarts",
          "[runtime][content]") {
  const tests::TemporaryFolder folder;
  ContentClaim claim;
  ContentClaim other;
  {
    DeskOn on(store::SqliteStore::Open(folder.path()).value());
    claim = other = on.Claim(InvocationMode::kAsync);
    other.invocation = InvocationId("another");
    CHECK(on.Get(claim) == Body("as received"));
    CHECK(on.Put(claim, Body("first")) == "KEPT");
    CHECK(on.Put(claim, Body("second")) == "KEPT");
    CHECK(on.Get(claim) == Body("second"));
    CHECK(on.Get(other) == Body("as received"));
    CHECK(*tests::Load(on, "m-1") == on.state);
    on.watched.RefuseCommits(Unavailable("the disk is away"));
    CHECK(on.Put(claim, Body("third")) == "UNAVAILABLE");
    on.watched.RefuseCommits(OkStatus());
  }
  auto sqlite = store::SqliteStore::Open(folder.path()).value();
  boost::asio::thread_pool threads{1};
  ContentDesk desk(*sqlite);
  const auto seen = tests::Await(threads.get_executor(), desk.Open(claim));
  REQUIRE(seen.ok());
  CHECK(tests::ReadAll(**seen) == Body("second"));
}

TEST_CASE("ContentDesk: content is there for its time, and for as long as its message is open",
          "[runtime][content]") {
  Desk on;
  const InvocationMode mode = GENERATE(InvocationMode::kSync, InvocationMode::kAsync);
  const ContentClaim claim = on.Claim(mode);
  SECTION("an open message that nothing is retained of") {
    CHECK(on.Get(claim) == Body("as received"));
    REQUIRE(tests::Update(on, tests::Closed(on.state)).ok());
    CHECK(on.Get(claim) == "NOT_FOUND");
    CHECK(on.Put(claim, Body("x")) ==
          (mode == InvocationMode::kSync ? "FAILED_PRECONDITION" : "NOT_FOUND"));
  }
  SECTION("a closed message, and one that is off the record") {
    ports::Transaction transaction;
    transaction.retained.push_back({on.state.id, InvocationId(), on.state.content, At(60)});
    tests::Add(transaction, tests::Closed(on.state));
    REQUIRE(tests::Commit(on, std::move(transaction)).ok());
    CHECK(on.Get(claim) == Body("as received"));
    REQUIRE(tests::Await(on.executor(), on.store().PurgeMessages(At(1), 9)).value() == 1);
    CHECK(on.Get(claim) == Body("as received"));
    REQUIRE(tests::Await(on.executor(), on.store().ReleaseRetained(At(61), 9)).value() == 1);
    CHECK(on.Get(claim) == "NOT_FOUND");
  }
  SECTION("a message that never was") {
    ContentClaim stranger = claim;
    stranger.message = MessageId("m-2");
    CHECK(on.Get(stranger) == "NOT_FOUND");
  }
}

TEST_CASE("ContentDesk: after its answer a SYNC invocation sees what came of it",
          "[runtime][content]") {
  Desk on;
  const ContentClaim claim = on.Claim(InvocationMode::kSync);
  auto attempt = on.BeginAttempt();
  REQUIRE(on.Put(claim, Body("accepted")) == "STAGED");
  const StagedContent staged = attempt.TakeStaged();
  ports::Transaction transaction;
  transaction.contents.push_back(staged.content);
  flow::MessageState decided = on.state;
  decided.invocations[0].decided = true;
  decided.invocations[0].replaced = {staged.content->id(), staged.content->octets(), false, false};
  flow::DeliveryState delivery;
  delivery.content_of = 0;
  decided.deliveries = {delivery};
  tests::Add(transaction, decided);
  REQUIRE(tests::Commit(on, std::move(transaction)).ok());
  CHECK(on.Get(claim) == Body("accepted"));
  ContentClaim other = on.Claim(InvocationMode::kAsync);
  other.invocation = InvocationId("another");
  CHECK(on.Get(other) == Body("as received"));
}

// M5: short of disk, what is only retained goes first, the oldest first, and no more than has to.
TEST_CASE("ContentDesk: makes room out of what is retained", "[runtime][content]") {
  Desk on;
  std::vector<ContentId> contents;
  constexpr int kRetained = 40;
  for (int i = 0; i < kRetained; ++i) {
    const flow::MessageState state = tests::Accept(on, Cat("old-", i));
    ports::Transaction transaction;
    transaction.retained.push_back({state.id, InvocationId(), state.content, At(1000 - i)});
    tests::Add(transaction, tests::Closed(state));
    REQUIRE(tests::Commit(on, std::move(transaction)).ok());
    contents.push_back(state.content);
  }
  const auto left = [&] {
    int count = 0;
    for (const ContentId& id : contents)
      count += tests::ReadContent(on, id) == "NOT_FOUND" ? 0 : 1;
    return count;
  };
  const auto make_room = [&] { return tests::Await(on.executor(), on.desk.MakeRoom()); };
  CHECK(make_room().ok());
  CHECK(left() == kRetained);

  on.watched.SetRoom(
      [&] { return left() <= 30 ? OkStatus() : ResourceExhausted("the disk is full"); });
  CHECK(make_room().ok());
  CHECK(left() > 0);
  CHECK(left() <= 30);
  CHECK(tests::ReadContent(on, contents.back()) == "NOT_FOUND");  // the first to go
  CHECK(tests::ReadContent(on, contents.front()) == "octets");

  on.watched.SetRoom([] { return ResourceExhausted("the disk is full"); });
  CHECK(make_room().code() == StatusCode::kResourceExhausted);
  CHECK(left() == 0);
  CHECK(on.Put(on.Claim(InvocationMode::kAsync), Body("x")) == "RESOURCE_EXHAUSTED");
  on.watched.SetRoom([] { return Unavailable("no answer"); });
  CHECK(make_room().code() == StatusCode::kUnavailable);
}

}  // namespace
}  // namespace penstock::runtime
