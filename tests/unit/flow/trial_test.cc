// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/trial.h"

#include <memory>

#include <catch2/catch.hpp>

#include "engine/base/limits.h"
#include "engine/base/strings.h"

namespace penstock::flow {
namespace {

using Addresses = std::vector<std::string>;

rules::FlowRule HookRule(std::string name, rules::InvocationMode mode) {
  rules::FlowRule rule;
  rule.organization = "default";
  rule.name = name;
  rule.run_hook = rules::HookInvocation{
      Cat("hook-of-", name), mode, {rules::Action::kBounce, {}, "closed"}, {}};
  return rule;
}

MessageState Message() {
  MessageState message;
  message.id = MessageId("00000000-0000-4000-8000-000000000001");
  message.organization = "default";
  message.direction = rules::FlowDirection::kOutbound;
  message.summary = {"alice@example.com", std::nullopt, "hello"};
  return message;
}

InvocationId OneId() {
  return InvocationId("0123456789abcdef0123456789abcdef");
}

Answer DefaultForAll(std::string added) {
  Answer answer;
  answer.actions.push_back({"DEFAULT", std::nullopt, {std::move(added)}, true, true});
  return answer;
}

}  // namespace

TEST_CASE(
    "MakeTrials: one trial for each rule with a hook, SYNC first, with the engine's event, R15",
    "[flow][trial]") {
  const auto tell = HookRule("a-tell", rules::InvocationMode::kAsync);
  const auto ask = HookRule("b-ask", rules::InvocationMode::kSync);
  rules::FlowRule drop;
  drop.name = "drop";
  const auto trials = MakeTrials(Message(),
                                 {{"1@x.test", &ask, "", false},
                                  {"2@x.test", &tell, "", false},
                                  {"3@x.test", &drop, "", false},
                                  {"4@x.test", nullptr, "", false},
                                  {"5@x.test", &ask, "", false},
                                  {"6@x.test", &ask, "", true}},
                                 OneId);
  REQUIRE(trials.size() == 2);
  CHECK(trials[0].rule == "b-ask");
  CHECK(trials[0].hook == "hook-of-b-ask");
  CHECK(trials[0].organization == "default");
  CHECK(trials[0].mode == rules::InvocationMode::kSync);
  CHECK(trials[0].attempt == 1);
  CHECK(trials[0].recipients == Addresses{"1@x.test", "5@x.test"});
  CHECK(trials[0].other_recipients == Addresses{"2@x.test", "3@x.test", "4@x.test", "6@x.test"});
  CHECK(trials[0].fallback.bounce_message == "closed");
  CHECK(trials[0].event == BuildEvent(Message().summary, Addresses{"1@x.test", "5@x.test"},
                                      Message().id, OneId(), rules::FlowDirection::kOutbound));
  CHECK(trials[1].rule == "a-tell");
  CHECK(trials[1].mode == rules::InvocationMode::kAsync);
  CHECK(trials[1].recipients == Addresses{"2@x.test"});
  CHECK(trials[1].event.recipients == Addresses{"2@x.test"});
}

TEST_CASE("ResolveTrial: the message's other recipients count, H9, H11", "[flow][trial]") {
  Trial trial;
  trial.event.direction = rules::FlowDirection::kOutbound;
  trial.recipients = {"bob@x.test"};
  trial.other_recipients = {"carol@x.test"};
  const auto under_another = ResolveTrial(trial, {}, false, DefaultForAll("CAROL@x.test"));
  REQUIRE(under_another.ok());
  CHECK(under_another->additions.empty());
  REQUIRE(under_another->warnings.size() == 1);
  CHECK(under_another->warnings[0].reason == Reason::kUnderAnotherRule);

  for (std::size_t i = trial.other_recipients.size(); i + 1 < limits::kOutboundRecipientsMax; ++i)
    trial.other_recipients.push_back(Cat(i, "@x.test"));
  const auto full = ResolveTrial(trial, {}, false, DefaultForAll("new@x.test"));
  REQUIRE(full.ok());
  CHECK(full->additions.empty());
  CHECK(full->warnings.at(0).reason == Reason::kNoRoom);
  trial.other_recipients.pop_back();
  const auto room_for_one = ResolveTrial(trial, {}, false, DefaultForAll("new@x.test"));
  REQUIRE(room_for_one.ok());
  CHECK(room_for_one->additions.size() == 1);
}

TEST_CASE("ResolveTrial: domains and strictness are the caller's, H10", "[flow][trial]") {
  Trial trial;
  trial.recipients = {"bob@org.test"};
  const OwnsDomain owns = [](std::string_view domain) { return domain == "org.test"; };
  CHECK(ResolveTrial(trial, owns, true, DefaultForAll("new@ORG.test"))->additions.size() == 1);
  CHECK(ResolveTrial(trial, owns, false, DefaultForAll("new@else.test"))->additions.empty());
  CHECK_FALSE(ResolveTrial(trial, owns, true, DefaultForAll("new@else.test")).ok());
}

}  // namespace penstock::flow
