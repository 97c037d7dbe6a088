// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/resource_name.h"

#include <vector>

#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

namespace penstock::wire {
namespace {

using rules::FlowDirection;

constexpr std::string_view kParentForm =
    "organizations/{organization}/directions/{inbound|outbound}";
constexpr std::string_view kInbound = "inbound";
constexpr std::string_view kOutbound = "outbound";
constexpr std::string_view kAll = "-";

Status Refuse(std::string_view field, std::string_view name, std::string_view form) {
  return InvalidArgument(Cat(field, ": \"", Printable(name), "\": expected \"", form, "\""));
}

StatusOr<std::string> ParseId(std::string_view collection, std::string_view kind,
                              std::string_view name) {
  const std::vector<std::string_view> parts = Split(name, '/');
  if (parts.size() != 2 || parts[0] != collection || !rules::CheckName(kind, parts[1]).ok()) {
    return Refuse("name", name, Cat(collection, "/{", kind, "}"));
  }
  return std::string(parts[1]);
}

std::optional<FlowDirection> ParseDirectionId(std::string_view id) {
  if (id == kInbound) return FlowDirection::kInbound;
  if (id == kOutbound) return FlowDirection::kOutbound;
  return std::nullopt;
}

// Reads the parts of kParentForm; nullopt if they are not of that form.
std::optional<FlowRuleScope> ParseScope(const std::vector<std::string_view>& parts,
                                        Wildcards wildcards) {
  if (parts.size() < 4 || parts[0] != "organizations" || parts[2] != "directions") {
    return std::nullopt;
  }
  FlowRuleScope scope;
  const bool may_be_all = wildcards == Wildcards::kTaken;
  if (!may_be_all || parts[1] != kAll) {
    if (!rules::CheckName("organization", parts[1]).ok()) return std::nullopt;
    scope.organization = std::string(parts[1]);
  }
  if (!may_be_all || parts[3] != kAll) {
    scope.direction = ParseDirectionId(parts[3]);
    if (!scope.direction) return std::nullopt;
  }
  return scope;
}

}  // namespace

std::string OrganizationName(std::string_view id) {
  return Cat("organizations/", id);
}

std::string HookName(std::string_view id) {
  return Cat("hooks/", id);
}

std::string MessageName(const MessageId& id) {
  return Cat("messages/", id.text());
}

std::string DeadLetterName(std::int64_t number) {
  return Cat("deadLetters/", number);
}

std::string ChangeName(std::int64_t number) {
  return Cat("changes/", number);
}

std::string FlowRuleParent(std::string_view organization, FlowDirection direction) {
  return Cat("organizations/", organization, "/directions/",
             direction == FlowDirection::kInbound ? kInbound : kOutbound);
}

std::string FlowRuleName(std::string_view organization, FlowDirection direction,
                         std::string_view rule) {
  return Cat(FlowRuleParent(organization, direction), "/flowRules/", rule);
}

StatusOr<std::string> ParseOrganizationName(std::string_view name) {
  return ParseId("organizations", "organization", name);
}

StatusOr<std::string> ParseHookName(std::string_view name) {
  return ParseId("hooks", "hook", name);
}

StatusOr<MessageId> ParseMessageName(std::string_view name) {
  PENSTOCK_ASSIGN_OR_RETURN(std::string id, ParseId("messages", "message_id", name));
  return MessageId(std::move(id));
}

StatusOr<std::int64_t> ParseDeadLetterName(std::string_view name) {
  constexpr std::string_view kCollection = "deadLetters/";
  std::optional<std::int64_t> number;
  if (name.starts_with(kCollection)) {
    number = ParseInt<std::int64_t>(name.substr(kCollection.size()));
  }
  if (!number || DeadLetterName(*number) != name) {
    return Refuse("name", name, "deadLetters/{number}");
  }
  return *number;
}

StatusOr<std::int64_t> ParseChangeName(std::string_view name) {
  constexpr std::string_view kCollection = "changes/";
  if (name.starts_with(kCollection)) {
    const auto number = ParseInt<std::int64_t>(name.substr(kCollection.size()));
    if (number && *number > 0 && ChangeName(*number) == name) return *number;
  }
  return Refuse("name", name, "changes/{number}");
}

StatusOr<FlowRuleRef> ParseFlowRuleName(std::string_view name) {
  const std::vector<std::string_view> parts = Split(name, '/');
  const auto scope = ParseScope(parts, Wildcards::kRefused);
  if (!scope || parts.size() != 6 || parts[4] != "flowRules" ||
      !rules::CheckName("rule", parts[5]).ok()) {
    return Refuse("name", name, Cat(kParentForm, "/flowRules/{flow_rule}"));
  }
  return FlowRuleRef{*scope->organization, *scope->direction, std::string(parts[5])};
}

StatusOr<FlowRuleScope> ParseFlowRuleParent(std::string_view parent, Wildcards wildcards) {
  const std::vector<std::string_view> parts = Split(parent, '/');
  const auto scope = ParseScope(parts, wildcards);
  if (!scope || parts.size() != 4) return Refuse("parent", parent, kParentForm);
  return *scope;
}

}  // namespace penstock::wire
