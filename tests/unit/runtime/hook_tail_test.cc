// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/hook_tail.h"

#include <utility>

#include <catch2/catch.hpp>

#include "engine/base/limits.h"
#include "engine/base/strings.h"

namespace penstock::runtime {
namespace {

using flow::HistoryEntry;
using flow::HistoryKind;
using Result = TailLine::Result;

const MessageId kMessage("00000000-0000-4000-8000-000000000001");

TailLine Line(std::uint32_t attempt) {
  TailLine line;
  line.hook = "disclaimer";
  line.organization = "acme";
  line.message = kMessage;
  line.attempt = attempt;
  return line;
}

// The number of the attempt that `watch` is told next; 0: nothing is there.
std::uint32_t NextAttempt(TailWatch& watch) {
  const auto news = watch.Next();
  return news && news->line != nullptr ? news->line->attempt : 0;
}

flow::MessageState TwoInvocations() {
  flow::MessageState state;
  state.id = kMessage;
  state.organization = "acme";
  state.direction = rules::FlowDirection::kOutbound;
  state.invocations.resize(2);
  state.invocations[0].id = InvocationId("aa");
  state.invocations[0].rule = "first";
  state.invocations[1].id = InvocationId("bb");
  state.invocations[1].rule = "second";
  return state;
}

HistoryEntry Entry(HistoryKind kind, std::string rule, std::string hook) {
  HistoryEntry entry{.time = FromUnixMillis(1000), .kind = kind};
  entry.rule = std::move(rule);
  entry.hook = std::move(hook);
  return entry;
}

HistoryEntry Attempt(std::string rule, std::string hook, std::uint32_t number, std::string code) {
  HistoryEntry entry = Entry(HistoryKind::kHookAttempt, std::move(rule), std::move(hook));
  entry.attempt = number;
  entry.duration = Milliseconds(12);
  entry.code = std::move(code);
  return entry;
}

HistoryEntry Outcome(std::string action, std::vector<std::string> recipients) {
  HistoryEntry entry{.kind = HistoryKind::kOutcome};
  entry.action = std::move(action);
  entry.recipients = std::move(recipients);
  entry.detail = "the text of a bounce";
  return entry;
}

}  // namespace

TEST_CASE("HookTail: nobody watches, and then some do", "[runtime][tail]") {
  HookTail tail;
  CHECK_FALSE(tail.watched());
  tail.Tell(Line(1));
  int woken = 0;
  auto first = tail.Watch({}, [&] { ++woken; }).value();
  auto second = tail.Watch({}, [] {}).value();
  CHECK(tail.watched());
  CHECK(NextAttempt(*first) == 0);
  tail.Tell(Line(2));
  tail.Tell(Line(3));
  CHECK(woken == 1);  // it has not looked since
  CHECK(NextAttempt(*first) == 2);
  CHECK(NextAttempt(*first) == 3);
  CHECK(NextAttempt(*first) == 0);
  CHECK(NextAttempt(*second) == 2);
  second.reset();
  CHECK(tail.watched());
  first.reset();
  CHECK_FALSE(tail.watched());
  tail.Tell(Line(4));
}

TEST_CASE("HookTail: each filter leaves less", "[runtime][tail]") {
  HookTail tail;
  const auto taken = [&](const TailFilter& filter, const TailLine& line) {
    auto watch = tail.Watch(filter, [] {}).value();
    tail.Tell(line);
    return NextAttempt(*watch) != 0;
  };
  const TailLine line = Line(1);
  CHECK(taken({}, line));
  CHECK(taken({.hook = "disclaimer", .organization = "acme", .message = kMessage}, line));
  CHECK_FALSE(taken({.hook = "banner"}, line));
  CHECK_FALSE(taken({.organization = "beta"}, line));
  CHECK_FALSE(taken({.message = MessageId("00000000-0000-4000-8000-000000000002")}, line));
  CHECK_FALSE(taken({.failed = true}, line));
  for (const Result result :
       {Result::kRetry, Result::kWait, Result::kFallback, Result::kDeadLetter}) {
    TailLine failed = Line(1);
    failed.result = result;
    CHECK(taken({.failed = true}, failed));
  }
}

TEST_CASE("HookTail: a slow watcher is told where lines are missing, and how many",
          "[runtime][tail]") {
  HookTail tail;
  auto slow = tail.Watch({}, [] {}).value();
  auto quick = tail.Watch({}, [] {}).value();
  const auto room = static_cast<std::uint32_t>(limits::kTailLinesMax);
  for (std::uint32_t i = 1; i <= room + 5; ++i) {
    tail.Tell(Line(i));
    CHECK(NextAttempt(*quick) == i);
  }
  CHECK(NextAttempt(*slow) == 1);
  tail.Tell(Line(1000));  // there is room again, but it would stand before the gap
  for (std::uint32_t i = 2; i <= room; ++i)
    REQUIRE(NextAttempt(*slow) == i);
  CHECK(slow->Next()->missed == 6);
  tail.Tell(Line(1001));
  CHECK(NextAttempt(*slow) == 1001);
}

TEST_CASE("HookTail: so many watchers and no more", "[runtime][tail]") {
  HookTail tail;
  std::vector<std::shared_ptr<TailWatch>> watches;
  for (std::size_t i = 0; i < limits::kTailWatchersMax; ++i)
    watches.push_back(tail.Watch({}, [] {}).value());
  CHECK(tail.Watch({}, [] {}).status().code() == StatusCode::kResourceExhausted);
  watches.pop_back();
  CHECK(tail.Watch({}, [] {}).ok());
}

TEST_CASE("HookTail: a stop ends every watch after what it has", "[runtime][tail]") {
  HookTail tail;
  int woken = 0;
  auto watch = tail.Watch({}, [&] { ++woken; }).value();
  auto idle = tail.Watch({}, [&] { ++woken; }).value();
  CHECK(NextAttempt(*idle) == 0);
  tail.Tell(Line(1));
  CHECK(NextAttempt(*idle) == 1);
  CHECK(NextAttempt(*idle) == 0);
  woken = 0;
  tail.Close();
  CHECK(woken == 1);
  CHECK(NextAttempt(*watch) == 1);
  CHECK(watch->Next()->closed);
  CHECK(idle->Next()->closed);
  CHECK(tail.Watch({}, [] {}).status().code() == StatusCode::kUnavailable);
}

TEST_CASE("TailLinesOf: an answer and what it comes to, without texts", "[runtime][tail]") {
  const auto lines =
      TailLinesOf(TwoInvocations(),
                  {Attempt("second", "h2", 3, "OK"), Outcome("BOUNCE", {"a@x.example"}),
                   Outcome("DEFAULT", {"b@x.example", "c@x.example", "d@x.example", "e@x.example"}),
                   Entry(HistoryKind::kClosed, "", "")});
  REQUIRE(lines.size() == 1);
  const TailLine& line = lines.front();
  CHECK(line.hook == "h2");
  CHECK(line.organization == "acme");
  CHECK(line.direction == rules::FlowDirection::kOutbound);
  CHECK(line.invocation == InvocationId("bb"));
  CHECK(line.attempt == 3);
  CHECK(line.duration == Milliseconds(12));
  CHECK(line.code == "OK");
  CHECK(line.result == Result::kAnswered);
  REQUIRE(line.outcomes.size() == 2);
  CHECK(line.outcomes[0].action == "BOUNCE");
  CHECK(line.outcomes[1].recipients ==
        std::vector<std::string>{"b@x.example", "c@x.example", "d@x.example"});
  CHECK(line.outcomes[1].recipient_count == 4);
}

TEST_CASE("TailLinesOf: attempts that fail", "[runtime][tail]") {
  flow::MessageState state = TwoInvocations();
  state.invocations[0].attempts_ended = 1;
  state.invocations[0].next_attempt = FromUnixMillis(5000);
  HistoryEntry refused = Attempt("first", "h1", 1, "INVALID_ARGUMENT");
  refused.answer_json = "{}";
  refused.detail = Cat("actions: missing\r\n", std::string(1000, 'x'));
  HistoryEntry again = Entry(HistoryKind::kRetryScheduled, "first", "h1");
  again.attempt = 2;
  auto lines = TailLinesOf(state, {refused, again});
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].code == "INVALID_ANSWER");
  CHECK(lines[0].result == Result::kRetry);
  CHECK(lines[0].next_attempt == FromUnixMillis(5000));
  CHECK(lines[0].detail.size() <= limits::kTailDetailOctetsMax + 10);
  CHECK(lines[0].detail.find('\n') == std::string::npos);
  again.attempt = 0;
  lines = TailLinesOf(state, {Attempt("first", "h1", 1, "UNAVAILABLE"), again});
  CHECK(lines[0].result == Result::kWait);
  CHECK_FALSE(lines[0].next_attempt.has_value());
}

TEST_CASE("TailLinesOf: all attempts of a reply that was held", "[runtime][tail]") {
  flow::MessageState state = TwoInvocations();
  state.invocations[0].attempts_ended = 2;
  HistoryEntry again = Entry(HistoryKind::kRetryScheduled, "first", "h1");
  again.attempt = 2;
  const auto lines =
      TailLinesOf(state, {Attempt("first", "h1", 1, "UNAVAILABLE"), again,
                          Attempt("second", "h2", 1, "OK"), Outcome("DROP", {"b@x.example"}),
                          Attempt("first", "h1", 2, "OK"), Outcome("DEFAULT", {"a@x.example"})});
  REQUIRE(lines.size() == 3);
  CHECK(lines[0].result == Result::kRetry);
  CHECK_FALSE(lines[0].next_attempt.has_value());
  CHECK(lines[0].outcomes.empty());
  CHECK(lines[1].outcomes.front().action == "DROP");
  CHECK(lines[2].outcomes.front().action == "DEFAULT");
}

TEST_CASE("TailLinesOf: a fallback, after the last attempt or without one", "[runtime][tail]") {
  HistoryEntry over = Entry(HistoryKind::kFallbackApplied, "first", "h1");
  over.detail = "the rule timeout is over";
  auto lines = TailLinesOf(TwoInvocations(), {Attempt("first", "h1", 4, "UNAVAILABLE"), over,
                                              Outcome("DROP", {"a@x.example"})});
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].attempt == 4);
  CHECK(lines[0].result == Result::kFallback);
  CHECK(lines[0].outcomes.front().action == "DROP");
  HistoryEntry other = Entry(HistoryKind::kFallbackApplied, "second", "h2");
  lines = TailLinesOf(TwoInvocations(), {over, Outcome("DROP", {"a@x.example"}), other,
                                         Outcome("DEFAULT", {"b@x.example"})});
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].attempt == 0);
  CHECK(lines[0].code.empty());
  CHECK(lines[0].detail == "the rule timeout is over");
  CHECK(lines[1].hook == "h2");
  CHECK(lines[1].result == Result::kFallback);
  CHECK(lines[1].outcomes.front().recipients.front() == "b@x.example");
}

TEST_CASE("TailLinesOf: what is not of a hook tells nothing", "[runtime][tail]") {
  CHECK(TailLinesOf(TwoInvocations(), {Outcome("DROP", {"a@x.example"}),
                                       Entry(HistoryKind::kCancelled, "first", "h1")})
            .empty());
}

}  // namespace penstock::runtime
