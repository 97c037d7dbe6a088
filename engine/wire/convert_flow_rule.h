// SPDX-License-Identifier: Apache-2.0
// Flow rules, verdicts and explanations (SPEC R).
#pragma once

#include "engine/base/status.h"
#include "engine/rules/explain.h"
#include "engine/rules/flow_rule.h"

namespace penstock::v1 {
class FlowRule;
class FlowRuleExplanation;
class Verdict;
}  // namespace penstock::v1

namespace penstock::wire {

v1::FlowRule ToProto(const rules::FlowRule& rule);  // with its etag (update.h)
v1::Verdict ToProto(const rules::Verdict& verdict);

// Translates and checks all that needs no other resource (rules::Validate). Organization, direction
// and name come from the resource name; OUTPUT_ONLY fields are not looked at.
//   Errors: kInvalidArgument, the text beginning with the field: `run_hook.rule_timeout: …`.
StatusOr<rules::FlowRule> FromProto(const v1::FlowRule& rule);

// At most limits::kListPageMax losers.
v1::FlowRuleExplanation ToProto(const rules::RecipientExplanation& explanation,
                                std::string_view organization, rules::FlowDirection direction);

}  // namespace penstock::wire
