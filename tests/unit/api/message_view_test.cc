// SPDX-License-Identifier: Apache-2.0
#include "engine/api/message_view.h"

#include <catch2/catch.hpp>

#include "engine/api/history_view.h"
#include "tests/support/store_samples.h"

namespace penstock::api {
namespace {

using flow::HistoryKind;

flow::HistoryEntry Attempt(std::string code, std::string answer_json) {
  flow::HistoryEntry entry = tests::Line(HistoryKind::kHookAttempt, "why");
  entry.rule = "screen";
  entry.hook = "screener";
  entry.attempt = 1;
  entry.duration = Milliseconds(12);
  entry.code = std::move(code);
  entry.answer_json = std::move(answer_json);
  return entry;
}

}  // namespace

TEST_CASE("ViewWhole: text that is no UTF-8 becomes valid, so that the message can be sent",
          "[api][view]") {
  ports::StoredMessage message;
  message.state = tests::EveryField();
  flow::HistoryEntry entry = tests::EveryHistoryField();
  entry.detail = "broken \xff";
  message.history = {entry};
  const v1::Message view = ViewWhole(message);
  CHECK(view.reverse_path() == "alice\xef\xbf\xbd@example.com");
  v1::Message copy;
  CHECK(copy.ParseFromString(view.SerializeAsString()));
}

TEST_CASE("ViewWhole: every state of a message has its words", "[api][view]") {
  const ContentId content("1");
  const flow::MessageState active = tests::ActiveMessage("1", content);
  CHECK(ViewInList(active).state() == v1::Message::ACTIVE);
  CHECK_FALSE(ViewInList(active).has_next_attempt_time());
  CHECK(ViewInList(active).recipients(0).state() == v1::MessageRecipient::UNDECIDED);
  const flow::MessageState waiting = tests::Waiting(active, tests::At(60));
  CHECK(ViewInList(waiting).state() == v1::Message::WAITING);
  CHECK(ViewInList(waiting).next_attempt_time().seconds() == 1'700'000'060);
  const ports::StoredMessage closed{tests::Closed(waiting), {}};
  CHECK(ViewWhole(closed).state() == v1::Message::CLOSED);
  CHECK(ViewWhole(closed).recipients(0).state() == v1::MessageRecipient::DROPPED);
  CHECK(ViewWhole(closed).recipients(0).source() == v1::MessageRecipient::ANSWER);
  CHECK(ViewWhole(closed).invocations(0).state() == v1::Invocation::ANSWERED);
}

TEST_CASE(
    "AttemptOf: an answer that was read and refused is INVALID_ANSWER, a hook's own error is not",
    "[api][view]") {
  CHECK(AttemptOf(Attempt("INVALID_ARGUMENT", R"({"actions":[]})")).code() == "INVALID_ANSWER");
  CHECK(AttemptOf(Attempt("INVALID_ARGUMENT", "")).code() == "INVALID_ARGUMENT");
  CHECK(AttemptOf(Attempt("OK", R"({"actions":[]})")).code() == "OK");
}

TEST_CASE("AttemptOf: it began as long before its end as it took", "[api][view]") {
  const v1::InvocationAttempt attempt = AttemptOf(Attempt("OK", ""));
  CHECK(attempt.start_time().seconds() == 1'699'999'999);
  CHECK(attempt.start_time().nanos() == 988'000'000);
  CHECK(attempt.duration().nanos() == 12'000'000);
}

TEST_CASE("ViewWhole: two deliveries to one next hop keep their own attempts", "[api][view]") {
  ports::StoredMessage message;
  message.state = tests::Closed(tests::ActiveMessage("1", ContentId("1")));
  message.state.deliveries.resize(2);
  message.state.deliveries[0].next_hop = "mailbox";
  message.state.deliveries[1].next_hop = "mailbox";
  message.state.recipients.resize(2);
  message.state.recipients[0].delivery = 0;
  message.state.recipients[1].forward_path = "carol@example.org";
  message.state.recipients[1].delivery = 1;
  for (const char* recipient : {"carol@example.org", "bob@example.org"}) {
    flow::HistoryEntry entry = tests::Line(HistoryKind::kDeliveryAttempt, recipient);
    entry.next_hop = "mailbox";
    entry.recipients = {recipient};
    message.history.push_back(entry);
  }
  const v1::Message view = ViewWhole(message);
  REQUIRE(view.deliveries(0).attempts_size() == 1);
  CHECK(view.deliveries(0).attempts(0).reply() == "bob@example.org");
  REQUIRE(view.deliveries(1).attempts_size() == 1);
  CHECK(view.deliveries(1).attempts(0).reply() == "carol@example.org");
}

}  // namespace penstock::api
