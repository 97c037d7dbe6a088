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

}  // namespace penstock::wire
