// SPDX-License-Identifier: Apache-2.0
#include "tests/support/rule_vectors.h"

#include <set>
#include <stdexcept>

namespace penstock::tests {
namespace {

rules::Action ActionOf(const std::string& name) {
  const auto action = rules::ParseAction(name);
  if (!action) throw std::runtime_error("no action: " + name);
  return *action;
}

rules::HookInvocation InvocationOf(const Json& json) {
  rules::HookInvocation call;
  call.hook = json.at("hook");
  const std::string mode = json.value("mode", "SYNC");
  if (mode != "SYNC" && mode != "ASYNC") throw std::runtime_error("no mode: " + mode);
  call.mode = mode == "SYNC" ? rules::InvocationMode::kSync : rules::InvocationMode::kAsync;
  call.fallback.action = ActionOf(json.value("fallback", "DEFAULT"));
  call.fallback.gateway = json.value("fallback_gateway", "");
  call.rule_timeout = std::chrono::minutes(json.value("minutes", 0));
  return call;
}

}  // namespace

std::vector<std::string> TextsFromJson(const Json& object, const char* key) {
  return object.contains(key) ? object.at(key).get<std::vector<std::string>>()
                              : std::vector<std::string>();
}

rules::FlowRule RuleFromJson(const Json& json) {
  static const std::set<std::string> kKeys = {
      "organization",   "direction", "name", "senders",  "recipients",       "action", "gateway",
      "bounce_message", "hook",      "mode", "fallback", "fallback_gateway", "minutes"};
  for (const auto& [key, value] : json.items()) {
    if (!kKeys.contains(key)) throw std::runtime_error("unknown key of a rule: " + key);
  }
  rules::FlowRule rule;
  rule.organization = json.value("organization", "default");
  const auto direction = rules::ParseFlowDirection(json.value("direction", "INBOUND"));
  if (!direction) throw std::runtime_error("no direction: " + json.at("direction").dump());
  rule.direction = *direction;
  rule.name = json.at("name");
  rule.sender_patterns = json.value("senders", std::vector<std::string>{"*"});
  rule.recipient_patterns = json.value("recipients", std::vector<std::string>{"*"});
  rule.verdict.action = ActionOf(json.value("action", "DEFAULT"));
  rule.verdict.gateway = json.value("gateway", "");
  rule.verdict.bounce_message = json.value("bounce_message", "");
  if (json.contains("hook")) rule.run_hook = InvocationOf(json);
  return rule;
}

std::vector<rules::FlowRule> RulesFromJson(const Json& json) {
  std::vector<rules::FlowRule> rules;
  for (const Json& rule : json)
    rules.push_back(RuleFromJson(rule));
  return rules;
}

}  // namespace penstock::tests
