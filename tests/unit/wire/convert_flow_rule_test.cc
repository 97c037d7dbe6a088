// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/convert_flow_rule.h"

#include <string>

#include <catch2/catch.hpp>

#include "penstock/v1/flow_rules.pb.h"

namespace penstock::wire {
namespace {

rules::FlowRule ExampleRule() {
  rules::FlowRule rule;
  rule.organization = "default";
  rule.direction = rules::FlowDirection::kOutbound;
  rule.name = "r1";
  rule.sender_patterns = {"*.example.com", "a@example.net"};
  rule.recipient_patterns = {"*"};
  rule.description = "why";
  return rule;
}

std::string Fault(const v1::FlowRule& rule) {
  return std::string(Message(FromProto(rule).status()));
}

}  // namespace

TEST_CASE("FlowRule: each action goes over and back", "[wire][rule]") {
  rules::FlowRule rule = ExampleRule();
  rule.verdict = {rules::Action::kRouteToGateway, "dlp", ""};
  CHECK(FromProto(ToProto(rule)).value() == rule);
  rule.verdict = {rules::Action::kBounce, "", "not here"};
  CHECK(FromProto(ToProto(rule)).value() == rule);
  rule.verdict = {rules::Action::kDrop, "", ""};
  CHECK(FromProto(ToProto(rule)).value() == rule);
  rule.direction = rules::FlowDirection::kInbound;
  for (const auto action :
       {rules::Action::kMoveToJunk, rules::Action::kBypassSpamCheck, rules::Action::kDefault}) {
    rule.verdict = {action, "", ""};
    CHECK(FromProto(ToProto(rule)).value() == rule);
  }
  rule.verdict = {};
  rule.run_hook = rules::HookInvocation{"disclaimer",
                                        rules::InvocationMode::kSync,
                                        {rules::Action::kBounce, "", "later"},
                                        std::chrono::minutes(240)};
  CHECK(FromProto(ToProto(rule)).value() == rule);
  rule.run_hook = rules::HookInvocation{"journal", rules::InvocationMode::kAsync, {}, {}};
  CHECK(FromProto(ToProto(rule)).value() == rule);
  CHECK(!ToProto(rule).run_hook().has_fallback());
}

TEST_CASE("FlowRule: its name says whose it is, its etag what it is", "[wire][rule]") {
  const v1::FlowRule proto = ToProto(ExampleRule());
  CHECK(proto.name() == "organizations/default/directions/outbound/flowRules/r1");
  rules::FlowRule other = ExampleRule();
  other.sender_patterns.pop_back();
  CHECK(proto.etag() != ToProto(other).etag());
}

TEST_CASE("FlowRule: a fault begins with its field", "[wire][rule]") {
  v1::FlowRule proto = ToProto(ExampleRule());
  proto.clear_verdict();
  CHECK(Fault(proto) == "action: missing; expected `verdict` or `run_hook`");
  proto.mutable_verdict();
  CHECK(Fault(proto).starts_with("verdict.action: missing; expected DROP"));
  proto.mutable_run_hook()->set_hook("h");
  CHECK(Fault(proto) == "run_hook.mode: missing; expected SYNC or ASYNC");
  proto.mutable_run_hook()->set_mode(v1::InvokeRequest::SYNC);
  CHECK(Fault(proto) == "run_hook.fallback: missing; a SYNC rule has one (R10)");
  proto.mutable_run_hook()->mutable_fallback()->set_action(v1::Verdict::DEFAULT);
  CHECK(FromProto(proto).ok());
  proto.mutable_run_hook()->mutable_rule_timeout()->set_seconds(90);
  CHECK(Fault(proto) == "run_hook.rule_timeout: 90s is not a whole number of minutes");
  proto.mutable_run_hook()->mutable_rule_timeout()->set_seconds(241 * 60);
  CHECK(Fault(proto).starts_with("run_hook.rule_timeout: 241 minutes"));
  proto.mutable_run_hook()->mutable_rule_timeout()->set_seconds(
      std::numeric_limits<std::int64_t>::max());
  CHECK(Fault(proto).starts_with("run_hook.rule_timeout: "));
  proto = ToProto(ExampleRule());
  proto.set_sender_patterns(1, "a+b@example.com");
  CHECK(Fault(proto).starts_with("sender_patterns[1]: "));
  proto = ToProto(ExampleRule());
  proto.set_name("r1");
  CHECK(Fault(proto).starts_with("name: \"r1\": expected "));
  proto = ToProto(ExampleRule());
  proto.set_description(std::string(1025, 'x'));
  CHECK(Fault(proto) == "description: over 1024 octets");
}

TEST_CASE("FlowRuleExplanation: winner, action and losers", "[wire][rule]") {
  rules::RecipientExplanation explanation;
  explanation.recipient = "bob@example.net";
  v1::FlowRuleExplanation proto = ToProto(explanation, "default", rules::FlowDirection::kInbound);
  CHECK(proto.flow_rule().empty());
  CHECK(proto.verdict().action() == v1::Verdict::DEFAULT);
  CHECK(proto.reason() == "no rule matches: DEFAULT");

  rules::Winner winner;
  winner.rule = "w";
  winner.originator = "a@example.com";
  winner.sender.pattern = "example.com";
  winner.recipient.pattern = "*";
  winner.act.verdict.action = rules::Action::kDrop;
  explanation.winner = winner;
  rules::Loser loser;
  loser.rule = "l";
  loser.sender = rules::ExplainedPattern{"*", {}};
  loser.reason = rules::LossReason::kLessSpecificSender;
  explanation.losers.push_back(loser);
  proto = ToProto(explanation, "default", rules::FlowDirection::kInbound);
  CHECK(proto.recipient() == "bob@example.net");
  CHECK(proto.flow_rule() == "organizations/default/directions/inbound/flowRules/w");
  CHECK(proto.sender_address() == "a@example.com");
  CHECK(proto.sender_pattern() == "example.com");
  CHECK(proto.recipient_pattern() == "*");
  CHECK(proto.verdict().action() == v1::Verdict::DROP);
  REQUIRE(proto.losers_size() == 1);
  CHECK(proto.losers(0).flow_rule() == "organizations/default/directions/inbound/flowRules/l");
  CHECK(proto.losers(0).reason() == "sender pattern \"*\" is less specific");
}

}  // namespace penstock::wire
