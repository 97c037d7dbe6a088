// SPDX-License-Identifier: Apache-2.0
// A flow rule as an operator writes it: who is meant, and what shall happen (SPEC R1, R2, R8, R10).
// Plain data; patterns are still text here. RuleSet::Compile checks and compiles it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/limits.h"
#include "engine/base/status.h"

namespace penstock::rules {

// Relative to the organization that owns the rule (O2, O3).
enum class FlowDirection : std::uint8_t { kInbound, kOutbound };

// What may happen to a recipient. In the order of R7: of two that are equally specific, the one
// that stands first here wins; RUN_HOOK is last.
enum class Action : std::uint8_t {
  kDrop,             // accepted, not delivered, nobody told
  kBounce,           // not delivered; the sender is told
  kMoveToJunk,       // inbound: delivered with the junk marking
  kRouteToGateway,   // outbound: delivered through a named next hop
  kDefault,          // the normal next hop
  kBypassSpamCheck,  // inbound: delivered with the marking that stops the spam filter
  kRunHook,          // a hook decides
};

enum class InvocationMode : std::uint8_t { kSync, kAsync };

// An action that is final: any but kRunHook. A rule's own action, a fallback, or a hook's answer.
struct Verdict {
  Action action = Action::kDefault;
  std::string gateway;         // kRouteToGateway: name of a next hop; else empty
  std::string bounce_message;  // kBounce: text for the sender, as the hook gave it; may be empty
  friend bool operator==(const Verdict&, const Verdict&) = default;
};

// What kRunHook needs (R10).
struct HookInvocation {
  std::string hook;  // name within the installation
  InvocationMode mode = InvocationMode::kSync;
  Verdict fallback;                      // kSync only
  std::chrono::minutes rule_timeout{0};  // kSync only; 0..240; 0 = exactly one attempt
  friend bool operator==(const HookInvocation&, const HookInvocation&) = default;
};

struct FlowRule {
  std::string organization;
  FlowDirection direction = FlowDirection::kInbound;
  std::string name;                             // unique within (organization, direction)
  std::vector<std::string> sender_patterns;     // at least one
  std::vector<std::string> recipient_patterns;  // at least one; a kSync rule: "*" alone
  Verdict verdict;                              // used unless `run_hook` is set
  std::optional<HookInvocation> run_hook;       // set: the rule's action is kRunHook
  std::string description;                      // the operator's own words; not interpreted

  [[nodiscard]] Action action() const { return run_hook ? Action::kRunHook : verdict.action; }

  friend bool operator==(const FlowRule&, const FlowRule&) = default;
};

// The words of the wire: "INBOUND"; "MOVE_TO_JUNK"; "SYNC".
std::string_view Name(FlowDirection direction);
std::string_view Name(Action action);
std::string_view Name(InvocationMode mode);
std::optional<FlowDirection> ParseFlowDirection(std::string_view name);
std::optional<Action> ParseAction(std::string_view name);

// R8: whether a rule of this direction may have that action.
bool IsRuleAction(Action action, FlowDirection direction);

// H5: whether a hook may answer that action for a message of this direction.
bool IsAnswerAction(Action action, FlowDirection direction);

// Resource names: a letter or digit, then letters, digits, '-', '_', '.'; at most 63 octets.
//   Errors: kInvalidArgument, `rule name "a b": …`, where `what` is "rule", "hook", "organization".
Status CheckName(std::string_view what, std::string_view name);

// Checks everything about `rule` that needs no other resource: names, patterns, that the action
// belongs to the direction (R8), and R10. Errors: kInvalidArgument naming field and offending text.
Status Validate(const FlowRule& rule);

// Validate without the syntax of the patterns, for a caller that parses them itself.
Status ValidateButPatterns(const FlowRule& rule);

}  // namespace penstock::rules
