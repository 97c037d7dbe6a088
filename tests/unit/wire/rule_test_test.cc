// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/rule_test.h"

#include <string>
#include <utility>

#include <catch2/catch.hpp>

#include "engine/base/limits.h"
#include "engine/base/strings.h"

#include "penstock/v1/flow_rules.pb.h"

namespace penstock::wire {
namespace {

rules::RuleSet OneRule() {
  rules::FlowRule rule;
  rule.organization = "default";
  rule.name = "block";
  rule.sender_patterns = {"example.org"};
  rule.recipient_patterns = {"*"};
  rule.verdict.action = rules::Action::kDrop;
  return rules::RuleSet::Compile({std::move(rule)}).value();
}

v1::TestFlowRulesRequest Request() {
  v1::TestFlowRulesRequest request;
  request.set_parent("organizations/default/directions/inbound");
  request.add_recipients("Bob@Example.COM");
  return request;
}

std::string ErrorOf(const v1::TestFlowRulesRequest& request) {
  return std::string(TestFlowRules(OneRule(), request).status().message());
}

}  // namespace

TEST_CASE("TestFlowRules: addresses and the header section of a message say the same",
          "[wire][rule_test]") {
  v1::TestFlowRulesRequest by_address = Request();
  by_address.add_from_addresses("alice@example.org");
  v1::TestFlowRulesRequest by_header = Request();
  by_header.set_header_section("From: Alice <alice@example.org>\r\nTo: x\r\n\r\nbody\r\n");
  const auto from_address = TestFlowRules(OneRule(), by_address);
  const auto from_header = TestFlowRules(OneRule(), by_header);
  REQUIRE(from_address.ok());
  REQUIRE(from_header.ok());
  CHECK(from_address->SerializeAsString() == from_header->SerializeAsString());
  const v1::FlowRuleExplanation& explanation = from_address->explanations(0);
  CHECK(explanation.recipient() == "Bob@Example.COM");
  CHECK(explanation.flow_rule() == "organizations/default/directions/inbound/flowRules/block");
  CHECK(explanation.verdict().action() == v1::Verdict::DROP);
}

TEST_CASE("TestFlowRules: what is refused names its field", "[wire][rule_test]") {
  v1::TestFlowRulesRequest request = Request();
  request.set_parent("organizations/-/directions/inbound");
  CHECK_THAT(ErrorOf(request), Catch::Matchers::StartsWith("parent: "));
  request = Request();
  request.clear_recipients();
  CHECK(ErrorOf(request) == "recipients: 0 of them; expected 1 to 1000");
  for (std::size_t i = 0; i <= limits::kTestRecipientsMax; ++i)
    request.add_recipients(Cat("r", i, "@example.com"));
  CHECK(ErrorOf(request) == "recipients: 1001 of them; expected 1 to 1000");
  request = Request();
  request.add_recipients("nobody");
  CHECK_THAT(ErrorOf(request), Catch::Matchers::StartsWith("recipients[1]: "));
  request = Request();
  request.add_from_addresses("a@example.org");
  request.add_sender_addresses("@");
  CHECK_THAT(ErrorOf(request), Catch::Matchers::StartsWith("sender_addresses[0]: "));
  request.set_header_section("From: a@example.org\r\n\r\n");
  CHECK_THAT(ErrorOf(request), Catch::Matchers::StartsWith("header_section: given beside"));
  request = Request();
  request.set_header_section(std::string(limits::kHeaderSectionOctetsMax + 1, 'x'));
  CHECK_THAT(ErrorOf(request), Catch::Matchers::StartsWith("header_section: over"));
}

namespace {

// A rule with a hook for each of `count` senders' recipients, and the request that they all win.
rules::RuleSet ManyHooks(std::size_t count) {
  std::vector<rules::FlowRule> all;
  for (std::size_t i = 0; i < count; ++i) {
    rules::FlowRule& rule = all.emplace_back();
    rule.organization = "default";
    rule.name = Cat("r", i);
    rule.sender_patterns = {"*"};
    rule.recipient_patterns = {Cat(i, "@org.test")};
    rule.run_hook = rules::HookInvocation{"tell", rules::InvocationMode::kAsync, {}, {}};
  }
  return rules::RuleSet::Compile(std::move(all)).value();
}

StatusOr<PlannedTrials> PlanAll(const rules::RuleSet& rules,
                                const v1::TestFlowRulesRequest& request) {
  return PlanTrials(
      rules, request, [](std::string_view domain) { return domain == "org.test"; },
      MessageId("m-1"), [] { return InvocationId("i-1"); });
}

}  // namespace

TEST_CASE("PlanTrials: an inbound event lists the organization's recipients alone, O3",
          "[wire][rule_test]") {
  v1::TestFlowRulesRequest request = Request();
  request.clear_recipients();
  request.add_recipients("0@Org.Test");
  request.add_recipients("0@else.test");
  request.add_recipients("none@org.test");
  request.set_header_section("From: a@x.test\r\nSender: b@x.test\r\nSubject: hi\r\n\r\n");
  const auto inbound = PlanAll(ManyHooks(1), request);
  REQUIRE(inbound.ok());
  CHECK(inbound->foreign_recipients == std::vector<std::string>{"0@else.test"});
  REQUIRE(inbound->trials.size() == 1);
  const flow::Trial& trial = inbound->trials[0];
  CHECK(trial.hook == "tell");
  CHECK(trial.rule == "r0");
  CHECK(trial.event.recipients == std::vector<std::string>{"0@Org.Test"});
  CHECK(trial.event.mail_from == "a@x.test");
  CHECK(trial.event.sender == "b@x.test");
  CHECK(trial.event.subject == "hi");
  CHECK(trial.event.message_id.text() == "m-1");
}

TEST_CASE("PlanTrials: without From the event names MAIL FROM, E2", "[wire][rule_test]") {
  v1::TestFlowRulesRequest request = Request();
  request.set_recipients(0, "0@org.test");
  request.set_mail_from("bounces@x.test");
  CHECK(PlanAll(ManyHooks(1), request)->trials.at(0).event.mail_from == "bounces@x.test");
  request.set_mail_from("no address");
  CHECK_THAT(std::string(Message(PlanAll(ManyHooks(1), request).status())),
             Catch::Matchers::StartsWith("mail_from: "));
}

TEST_CASE("PlanTrials: no more hooks are called than the limit says", "[wire][rule_test]") {
  const rules::RuleSet rules = ManyHooks(limits::kTrialsMax + 1);
  v1::TestFlowRulesRequest request = Request();
  request.clear_recipients();
  for (std::size_t i = 0; i < limits::kTrialsMax; ++i)
    request.add_recipients(Cat(i, "@org.test"));
  CHECK(PlanAll(rules, request)->trials.size() == limits::kTrialsMax);
  request.add_recipients(Cat(limits::kTrialsMax, "@org.test"));
  CHECK_THAT(std::string(Message(PlanAll(rules, request).status())),
             Catch::Matchers::StartsWith("recipients: 17 rules with a hook"));
}

}  // namespace penstock::wire
