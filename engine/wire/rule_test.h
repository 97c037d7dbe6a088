// SPDX-License-Identifier: Apache-2.0
// TestFlowRules (SPEC R15): the one answer that the daemon and the commands without a daemon give.
#pragma once

#include "engine/base/status.h"
#include "engine/rules/rule_set.h"

namespace penstock::v1 {
class TestFlowRulesRequest;
class TestFlowRulesResponse;
}  // namespace penstock::v1

namespace penstock::wire {

// Explains each recipient of `request`. `rules` are those of its parent, which must name one
// organization and one direction.
//   Errors: kInvalidArgument naming the field, `recipients[2]: …`; both a header section and
//   addresses; none or over limits::kTestRecipientsMax recipients.
StatusOr<v1::TestFlowRulesResponse> TestFlowRules(const rules::RuleSet& rules,
                                                  const v1::TestFlowRulesRequest& request);

}  // namespace penstock::wire
