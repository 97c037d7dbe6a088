// SPDX-License-Identifier: Apache-2.0
// Names of resources, as the services take and give them (AIP-122), and the ids in them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/ids.h"
#include "engine/base/status.h"
#include "engine/rules/flow_rule.h"

namespace penstock::wire {

// "organizations/{id}", "hooks/{id}", "messages/{id}", "deadLetters/{number}",
// "changes/{number}".
std::string OrganizationName(std::string_view id);
std::string HookName(std::string_view id);
std::string MessageName(const MessageId& id);
std::string DeadLetterName(std::int64_t number);
std::string ChangeName(std::int64_t number);

// "organizations/{organization}/directions/{inbound|outbound}", and one rule below it.
std::string FlowRuleParent(std::string_view organization, rules::FlowDirection direction);
std::string FlowRuleName(std::string_view organization, rules::FlowDirection direction,
                         std::string_view rule);

// Return the id in a name; whether such a resource exists is not looked at.
//   Errors: kInvalidArgument, `name: "x": expected "hooks/{hook}"`.
StatusOr<std::string> ParseOrganizationName(std::string_view name);
StatusOr<std::string> ParseHookName(std::string_view name);
StatusOr<MessageId> ParseMessageName(std::string_view name);
StatusOr<std::int64_t> ParseDeadLetterName(std::string_view name);
StatusOr<std::int64_t> ParseChangeName(std::string_view name);

struct FlowRuleRef {
  std::string organization;
  rules::FlowDirection direction = rules::FlowDirection::kInbound;
  std::string rule;
  friend bool operator==(const FlowRuleRef&, const FlowRuleRef&) = default;
};

StatusOr<FlowRuleRef> ParseFlowRuleName(std::string_view name);

// Unset: "-", all of them, where `wildcards` says so.
struct FlowRuleScope {
  std::optional<std::string> organization;
  std::optional<rules::FlowDirection> direction;
  friend bool operator==(const FlowRuleScope&, const FlowRuleScope&) = default;
};

enum class Wildcards { kRefused, kTaken };

// Errors: kInvalidArgument, `parent: "x": expected …`.
StatusOr<FlowRuleScope> ParseFlowRuleParent(std::string_view parent, Wildcards wildcards);

}  // namespace penstock::wire
