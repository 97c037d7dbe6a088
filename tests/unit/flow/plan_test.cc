// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/plan.h"

#include <memory>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"

namespace penstock::flow {
namespace {

rules::FlowRule Rule(std::string name, rules::Action action) {
  rules::FlowRule rule;
  rule.organization = "default";
  rule.name = std::move(name);
  rule.verdict.action = action;
  return rule;
}

rules::FlowRule HookRule(std::string name, rules::InvocationMode mode) {
  rules::FlowRule rule = Rule(std::move(name), rules::Action::kDefault);
  rule.run_hook = rules::HookInvocation{
      "hook", mode, {rules::Action::kBounce, {}, {}}, std::chrono::minutes(3)};
  return rule;
}

class Ids {
 public:
  InvocationId operator()() { return InvocationId(Cat("id-", ++*count_)); }

 private:
  std::shared_ptr<int> count_ = std::make_shared<int>(0);
};

}  // namespace

TEST_CASE("MakePlan: recipients keep their order and are split by rule, R5, R9", "[flow][plan]") {
  const auto drop = Rule("drop", rules::Action::kDrop);
  const auto ask = HookRule("ask", rules::InvocationMode::kSync);
  const Plan plan = MakePlan({},
                             {{"a", &ask, "", false},
                              {"b", &drop, "", false},
                              {"c", nullptr, "", false},
                              {"d", &ask, "", false}},
                             Ids());
  REQUIRE(plan.state.recipients.size() == 4);
  CHECK(plan.state.recipients[1].outcome->action == rules::Action::kDrop);
  CHECK(plan.state.recipients[1].decided_by == DecidedBy::kRule);
  CHECK(plan.state.recipients[2].outcome->action == rules::Action::kDefault);
  CHECK(plan.state.recipients[2].decided_by == DecidedBy::kNoRule);
  REQUIRE(plan.state.invocations.size() == 1);
  CHECK(plan.state.invocations[0].fallback.action == rules::Action::kBounce);
  CHECK(plan.state.invocations[0].rule_timeout == std::chrono::minutes(3));
  for (const std::size_t i : {0U, 3U}) {
    CHECK(plan.state.recipients[i].invocation == 0);
    CHECK_FALSE(plan.state.recipients[i].outcome);
  }
  CHECK(plan.async.empty());
}

TEST_CASE("MakePlan: an ASYNC rule lets its recipients go at once and queues one event, R11",
          "[flow][plan]") {
  const auto tell = HookRule("tell", rules::InvocationMode::kAsync);
  const Plan plan = MakePlan({}, {{"a", &tell, "", false}, {"b", &tell, "", false}}, Ids());
  CHECK(plan.state.invocations.empty());
  REQUIRE(plan.async.size() == 1);
  CHECK(plan.async[0].event.recipients == std::vector<std::string>{"a", "b"});
  CHECK(plan.async[0].event.invocation_id.text() == "id-1");
  for (const RecipientState& recipient : plan.state.recipients) {
    CHECK(recipient.outcome->action == rules::Action::kDefault);
    CHECK(recipient.decided_by == DecidedBy::kAsyncRule);
  }
}

TEST_CASE("MakePlan: a foreign recipient is in no event, O3", "[flow][plan]") {
  const auto ask = HookRule("ask", rules::InvocationMode::kSync);
  const Plan plan = MakePlan({}, {{"a", &ask, "", false}, {"x", nullptr, "", true}}, Ids());
  CHECK(plan.state.recipients[1].foreign);
  CHECK(plan.state.recipients[1].outcome->action == rules::Action::kDefault);
  CHECK(plan.state.recipients[1].decided_by == DecidedBy::kForeign);
  CHECK(plan.state.recipients[1].invocation == kNoIndex);
}

}  // namespace penstock::flow
