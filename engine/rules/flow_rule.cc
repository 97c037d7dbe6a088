// SPDX-License-Identifier: Apache-2.0
#include "engine/rules/flow_rule.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/rules/pattern.h"

namespace penstock::rules {
namespace {

template <class Enum>
using Word = std::pair<Enum, std::string_view>;

constexpr std::array<Word<FlowDirection>, 2> kDirections = {{
    {FlowDirection::kInbound, "INBOUND"},
    {FlowDirection::kOutbound, "OUTBOUND"},
}};

constexpr std::array<Word<InvocationMode>, 2> kModes = {{
    {InvocationMode::kSync, "SYNC"},
    {InvocationMode::kAsync, "ASYNC"},
}};

// Every action, with where it may stand: as a rule's action (R8), in a hook's answer (H5).
struct ActionRow {
  Action action;
  std::string_view name;
  bool inbound_rule;
  bool outbound_rule;
  bool inbound_answer;
  bool outbound_answer;
};

constexpr std::array<ActionRow, 7> kActions = {{
    {Action::kDrop, "DROP", true, true, true, true},
    {Action::kBounce, "BOUNCE", true, true, true, true},
    {Action::kMoveToJunk, "MOVE_TO_JUNK", true, false, true, false},
    {Action::kRouteToGateway, "ROUTE_TO_GATEWAY", false, true, false, false},
    {Action::kDefault, "DEFAULT", true, true, true, true},
    {Action::kBypassSpamCheck, "BYPASS_SPAM_CHECK", true, false, true, false},
    {Action::kRunHook, "RUN_HOOK", true, true, false, false},
}};

template <class Enum, std::size_t N>
std::string_view NameIn(const std::array<Word<Enum>, N>& words, Enum value) {
  for (const auto& [word_value, word] : words) {
    if (word_value == value) return word;
  }
  return "UNKNOWN";
}

const ActionRow* Find(Action action) {
  const auto* row = std::find_if(kActions.begin(), kActions.end(),
                                 [&](const ActionRow& r) { return r.action == action; });
  return row == kActions.end() ? nullptr : row;
}

std::string_view Adjective(FlowDirection direction) {
  return direction == FlowDirection::kInbound ? "inbound" : "outbound";
}

// Returns "DROP, BOUNCE, …": what a rule of `direction` may do, or may fall back to.
std::string ActionList(FlowDirection direction, bool fallback) {
  std::vector<std::string> names;
  for (const ActionRow& row : kActions) {
    if (fallback && row.action == Action::kRunHook) continue;
    if (IsRuleAction(row.action, direction)) names.emplace_back(row.name);
  }
  return Join(names, ", ");
}

Status CheckPatterns(std::string_view field, const std::vector<std::string>& patterns) {
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    const StatusOr<Pattern> pattern = Pattern::Parse(patterns[i]);
    if (!pattern.ok()) return Annotate(pattern.status(), Cat(field, "[", i, "]"));
  }
  return OkStatus();
}

Status NoPatterns(std::string_view field) {
  return InvalidArgument(Cat(field, ": a rule needs one pattern at least; \"*\" matches anything"));
}

// Checks a final action, be it the rule's own or the fallback; `field` is what it stands under.
Status CheckVerdict(std::string_view field, const Verdict& verdict, FlowDirection direction,
                    bool fallback) {
  const std::string prefix = Cat(field, ".");
  if (verdict.action == Action::kRunHook && fallback) {
    return InvalidArgument(Cat(prefix, "action: RUN_HOOK is no fallback; one of ",
                               ActionList(direction, true), " is"));
  }
  if (verdict.action == Action::kRunHook) {
    return InvalidArgument(Cat(prefix, "action: RUN_HOOK needs run_hook with the hook's name"));
  }
  if (!IsRuleAction(verdict.action, direction)) {
    return InvalidArgument(Cat(prefix, "action: ", Name(verdict.action), " is no ",
                               Adjective(direction), " action; one of ",
                               ActionList(direction, fallback), " is"));
  }
  if (verdict.action == Action::kRouteToGateway) {
    PENSTOCK_RETURN_IF_ERROR(
        Annotate(CheckName("gateway", verdict.gateway), Cat(prefix, "gateway")));
  } else if (!verdict.gateway.empty()) {
    return InvalidArgument(Cat(prefix, "gateway: \"", Printable(verdict.gateway), "\": ",
                               Name(verdict.action), " has none; only ROUTE_TO_GATEWAY does"));
  }
  if (verdict.action != Action::kBounce && !verdict.bounce_message.empty()) {
    return InvalidArgument(Cat(prefix, "bounce_message: \"", Printable(verdict.bounce_message),
                               "\": ", Name(verdict.action), " has none; only BOUNCE does"));
  }
  return OkStatus();
}

Status CheckRuleTimeout(std::chrono::minutes timeout) {
  if (timeout >= std::chrono::minutes::zero() && timeout <= limits::kRuleTimeoutMax) {
    return OkStatus();
  }
  return InvalidArgument(Cat("run_hook.rule_timeout: ", timeout.count(),
                             " minutes is not within 0 and ", limits::kRuleTimeoutMax.count()));
}

// R10
Status CheckHookInvocation(const FlowRule& rule) {
  const HookInvocation& call = *rule.run_hook;
  PENSTOCK_RETURN_IF_ERROR(Annotate(CheckName("hook", call.hook), "run_hook.hook"));
  switch (call.mode) {
    case InvocationMode::kSync:
      PENSTOCK_RETURN_IF_ERROR(
          CheckVerdict("run_hook.fallback", call.fallback, rule.direction, true));
      PENSTOCK_RETURN_IF_ERROR(CheckRuleTimeout(call.rule_timeout));
      for (std::size_t i = 0; i < rule.recipient_patterns.size(); ++i) {
        if (i == 0 && rule.recipient_patterns[i] == "*") continue;
        return InvalidArgument(Cat("recipient_patterns[", i, "]: \"",
                                   Printable(rule.recipient_patterns[i]),
                                   "\": a SYNC rule has the recipient pattern \"*\" alone"));
      }
      return OkStatus();
    case InvocationMode::kAsync:
      if (!(call.fallback == Verdict{})) {
        return InvalidArgument(Cat("run_hook.fallback: ", Name(call.fallback.action),
                                   ": an ASYNC rule has none; its message goes as DEFAULT"));
      }
      if (call.rule_timeout != std::chrono::minutes::zero()) {
        return InvalidArgument(Cat("run_hook.rule_timeout: ", call.rule_timeout.count(),
                                   " minutes: an ASYNC rule has none"));
      }
      return OkStatus();
  }
  return InvalidArgument("run_hook.mode: neither SYNC nor ASYNC");
}

}  // namespace

std::string_view Name(FlowDirection direction) {
  return NameIn(kDirections, direction);
}

std::string_view Name(Action action) {
  const ActionRow* row = Find(action);
  return row == nullptr ? "UNKNOWN" : row->name;
}

std::string_view Name(InvocationMode mode) {
  return NameIn(kModes, mode);
}

std::optional<FlowDirection> ParseFlowDirection(std::string_view name) {
  for (const auto& [direction, word] : kDirections) {
    if (word == name) return direction;
  }
  return std::nullopt;
}

std::optional<Action> ParseAction(std::string_view name) {
  for (const ActionRow& row : kActions) {
    if (row.name == name) return row.action;
  }
  return std::nullopt;
}

bool IsRuleAction(Action action, FlowDirection direction) {
  const ActionRow* row = Find(action);
  if (row == nullptr) return false;
  return direction == FlowDirection::kInbound ? row->inbound_rule : row->outbound_rule;
}

bool IsAnswerAction(Action action, FlowDirection direction) {
  const ActionRow* row = Find(action);
  if (row == nullptr) return false;
  return direction == FlowDirection::kInbound ? row->inbound_answer : row->outbound_answer;
}

Status CheckName(std::string_view what, std::string_view name) {
  const auto refuse = [&](std::string_view why) {
    return InvalidArgument(Cat(what, " name \"", Printable(name), "\": ", why));
  };
  const auto is_alphanumeric = [](char c) { return IsAsciiAlpha(c) || IsAsciiDigit(c); };
  if (name.empty()) return refuse("empty");
  if (name.size() > limits::kResourceNameOctetsMax) {
    return refuse(Cat("over ", limits::kResourceNameOctetsMax, " octets"));
  }
  if (!is_alphanumeric(name.front())) return refuse("does not begin with a letter or digit");
  for (const char c : name) {
    if (is_alphanumeric(c) || c == '-' || c == '_' || c == '.') continue;
    return refuse("has more than letters, digits, \"-\", \"_\" and \".\"");
  }
  return OkStatus();
}

Status Validate(const FlowRule& rule) {
  PENSTOCK_RETURN_IF_ERROR(ValidateButPatterns(rule));
  PENSTOCK_RETURN_IF_ERROR(CheckPatterns("sender_patterns", rule.sender_patterns));
  return CheckPatterns("recipient_patterns", rule.recipient_patterns);
}

Status ValidateButPatterns(const FlowRule& rule) {
  PENSTOCK_RETURN_IF_ERROR(CheckName("organization", rule.organization));
  PENSTOCK_RETURN_IF_ERROR(CheckName("rule", rule.name));
  if (!(rule.direction == FlowDirection::kInbound || rule.direction == FlowDirection::kOutbound)) {
    return InvalidArgument("direction: neither INBOUND nor OUTBOUND");
  }
  if (rule.sender_patterns.empty()) return NoPatterns("sender_patterns");
  if (rule.recipient_patterns.empty()) return NoPatterns("recipient_patterns");
  if (rule.run_hook) return CheckHookInvocation(rule);
  return CheckVerdict("verdict", rule.verdict, rule.direction, false);
}

}  // namespace penstock::rules
