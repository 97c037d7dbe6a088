// SPDX-License-Identifier: Apache-2.0
// What is odd about a collection of flow rules, though each may be valid by itself (SPEC R7, R13).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/rules/flow_rule.h"

namespace penstock::rules {

struct LintFinding {
  enum class Kind : std::uint8_t {
    kInvalid,            // Validate refuses it; left out of what follows
    kRepeatedName,       // a second rule of that name; left out of what follows
    kRepeatedPattern,    // a rule has one pattern twice, perhaps spelt differently
    kTie,                // equally specific rules, of which `other` wins by R7
    kNeverWins,          // whatever it matches, an equally specific rule wins by R7
    kRuleQuota,          // R13: sender patterns of a rule
    kOrganizationQuota,  // R13: sender patterns of an organization
    kHookNeverCalled,    // no rule names it; found by flow::Lint, which knows the hooks
    kCutShort,           // A7: a milter's hold ends before its rule timeout; found by flow::Lint
  };

  Kind kind = Kind::kInvalid;
  std::string organization;                // kHookNeverCalled: empty
  std::optional<FlowDirection> direction;  // kOrganizationQuota, kHookNeverCalled: none
  std::string rule;                        // kOrganizationQuota, kHookNeverCalled: empty
  // kTie: the rule that wins; kHookNeverCalled: the hook; kCutShort: the listener.
  std::string other;
  std::string text;  // what is wrong, without organization and direction
  friend bool operator==(const LintFinding&, const LintFinding&) = default;
};

// "INVALID", "TIE", "NEVER_WINS".
std::string_view Name(LintFinding::Kind kind);

// Looks at rules of any organizations and directions; findings are grouped by both.
//   A tie is reported once for each two rules of which one takes messages from the other. Three
//   rules with the same patterns are two ties: nothing ever falls between the second and the third.
//   A rule can win exactly if it is the first in R7's order to hold some sender and some recipient
//   pattern together: there is always an address that no more specific pattern matches.
//   Cost: near the number of patterns where rules share few; at worst, for each rule, its sender ×
//   its recipient patterns.
std::vector<LintFinding> Lint(std::span<const FlowRule> rules);

// The part of Lint that is about quotas (R13), at the cost of a walk over the rules.
std::vector<LintFinding> FindQuotas(std::span<const FlowRule> rules);

// R13 under --compat: refuses what FindQuotas finds.
//   Errors: kInvalidArgument naming rule or organization, count and quota.
Status CheckQuotas(std::span<const FlowRule> rules);

}  // namespace penstock::rules
