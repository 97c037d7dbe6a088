// SPDX-License-Identifier: Apache-2.0
#include "engine/rules/flow_rule.h"

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "tests/support/rule_vectors.h"
#include "tests/support/vectors.h"

using namespace penstock;         // NOLINT(google-build-using-namespace)
using namespace penstock::rules;  // NOLINT(google-build-using-namespace)
using tests::LoadVectors;
using tests::Vector;

namespace {

const Action kActions[] = {Action::kDrop,           Action::kBounce,  Action::kMoveToJunk,
                           Action::kRouteToGateway, Action::kDefault, Action::kBypassSpamCheck,
                           Action::kRunHook};

}  // namespace

TEST_CASE("FlowRule: what is taken and what is refused, naming field and text", "[rules]") {
  for (const Vector& v : LoadVectors("rules/flow_rule.json")) {
    DYNAMIC_SECTION(v.name) {
      const Status status = Validate(tests::RuleFromJson(v.input));
      CHECK(std::string(Message(status)) == v.want.get<std::string>());
      CHECK(status.code() == (v.want == "" ? StatusCode::kOk : StatusCode::kInvalidArgument));
    }
  }
}

TEST_CASE("Action: every action is in one place of the direction table", "[rules]") {
  for (const Vector& v : LoadVectors("rules/actions.json")) {
    DYNAMIC_SECTION(v.name) {
      const auto direction = ParseFlowDirection(std::string(v.input.at("direction")));
      REQUIRE(direction);
      const bool answer = v.input.at("of") == "answer";
      std::vector<std::string> names;
      for (const Action action : kActions) {
        if (answer ? IsAnswerAction(action, *direction) : IsRuleAction(action, *direction)) {
          names.emplace_back(Name(action));
        }
      }
      CHECK(names == v.want.get<std::vector<std::string>>());
    }
  }
}

TEST_CASE("Action: names go there and back, in the order of restrictiveness", "[rules]") {
  for (const Action action : kActions)
    CHECK(ParseAction(Name(action)) == action);
  CHECK(std::is_sorted(std::begin(kActions), std::end(kActions)));
  CHECK_FALSE(ParseAction("QUARANTINE"));
  CHECK_FALSE(ParseAction("drop"));
  CHECK(ParseFlowDirection("INBOUND") == FlowDirection::kInbound);
  CHECK(ParseFlowDirection("OUTBOUND") == FlowDirection::kOutbound);
  CHECK_FALSE(ParseFlowDirection("inbound"));
  CHECK(Name(FlowDirection::kOutbound) == "OUTBOUND");
  CHECK(Name(InvocationMode::kSync) == "SYNC");
  CHECK(Name(InvocationMode::kAsync) == "ASYNC");
}

TEST_CASE("Action: a number that is no action belongs to no direction", "[rules]") {
  const auto action = static_cast<Action>(200);
  CHECK_FALSE(IsRuleAction(action, FlowDirection::kInbound));
  CHECK_FALSE(IsAnswerAction(action, FlowDirection::kOutbound));
  FlowRule rule;
  rule.organization = "default";
  rule.name = "r";
  rule.sender_patterns = rule.recipient_patterns = {"*"};
  rule.verdict.action = action;
  CHECK_FALSE(Validate(rule).ok());
  rule.verdict.action = Action::kDefault;
  CHECK(Validate(rule).ok());
  rule.direction = static_cast<FlowDirection>(7);
  CHECK_FALSE(Validate(rule).ok());
}

TEST_CASE("CheckName: letters, digits, hyphen, underscore, dot, at most 63", "[rules]") {
  for (const std::string_view name : {"a", "7", "A-b_c.d", "block-spam", "x."})
    CHECK(CheckName("rule", name).ok());
  CHECK(CheckName("rule", std::string(63, 'a')).ok());
  for (const std::string& name :
       {std::string(), std::string(64, 'a'), std::string("-a"), std::string(".a"),
        std::string("_a"), std::string("a b"), std::string("a/b"), std::string("\xc3\xbc"),
        std::string("a\n"), std::string("a\0b", 3)}) {
    CAPTURE(name);
    const Status status = CheckName("hook", name);
    CHECK(status.code() == StatusCode::kInvalidArgument);
    CHECK_THAT(std::string(Message(status)), Catch::StartsWith("hook name \""));
  }
  CHECK(Message(CheckName("hook", "a b")) ==
        "hook name \"a b\": has more than letters, digits, \"-\", \"_\" and \".\"");
}
