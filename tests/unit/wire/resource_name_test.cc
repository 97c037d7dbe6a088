// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/resource_name.h"

#include <catch2/catch.hpp>

namespace penstock::wire {

using rules::FlowDirection;

TEST_CASE("Resource names: what is written is read back", "[wire][name]") {
  CHECK(ParseOrganizationName(OrganizationName("default")).value() == "default");
  CHECK(ParseHookName(HookName("my.hook-1")).value() == "my.hook-1");
  const MessageId id("00000000-0000-4000-8000-000000000001");
  CHECK(ParseMessageName(MessageName(id)).value() == id);
  const std::string name = FlowRuleName("acme", FlowDirection::kOutbound, "r1");
  CHECK(name == "organizations/acme/directions/outbound/flowRules/r1");
  CHECK(ParseFlowRuleName(name).value() == FlowRuleRef{"acme", FlowDirection::kOutbound, "r1"});
}

TEST_CASE("Resource names: anything else is refused with the form", "[wire][name]") {
  for (const char* name : {"", "hooks", "hooks/", "hooks/a/b", "hook/a", "/hooks/a", "hooks/a b",
                           "hooks/-", "hooks/a\n"}) {
    CAPTURE(name);
    CHECK(!ParseHookName(name).ok());
  }
  CHECK(Message(ParseHookName("x").status()) == "name: \"x\": expected \"hooks/{hook}\"");
  for (const char* name :
       {"organizations/a/directions/inbound", "organizations/a/directions/sideways/flowRules/r",
        "organizations/-/directions/inbound/flowRules/r",
        "organizations/a/directions/INBOUND/flowRules/r",
        "organizations/a/directions/inbound/flowRules/r/x",
        "organizations/a/directions/inbound/flowRules/"}) {
    CAPTURE(name);
    CHECK(!ParseFlowRuleName(name).ok());
  }
}

TEST_CASE("Resource names: a list may be of all organizations or directions", "[wire][name]") {
  const FlowRuleScope one{"a", FlowDirection::kInbound};
  CHECK(ParseFlowRuleParent("organizations/a/directions/inbound", Wildcards::kRefused).value() ==
        one);
  CHECK(ParseFlowRuleParent("organizations/-/directions/inbound", Wildcards::kTaken).value() ==
        FlowRuleScope{std::nullopt, FlowDirection::kInbound});
  CHECK(ParseFlowRuleParent("organizations/a/directions/-", Wildcards::kTaken).value() ==
        FlowRuleScope{"a", std::nullopt});
  CHECK(!ParseFlowRuleParent("organizations/-/directions/inbound", Wildcards::kRefused).ok());
  CHECK(!ParseFlowRuleParent("organizations/a", Wildcards::kTaken).ok());
}

}  // namespace penstock::wire
