// SPDX-License-Identifier: Apache-2.0
// TestFlowRules (SPEC R15): the one answer that the daemon and the commands without a daemon give.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/status.h"
#include "engine/flow/trial.h"
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

struct PlannedTrials {
  std::vector<flow::Trial> trials;              // as flow::MakeTrials has them
  std::vector<std::string> foreign_recipients;  // in no event, for no owned domain is theirs (O3)
};

// What the hooks of the rules that win `request` would be asked. `id` and what `new_invocation`
// returns name what is not there.
//   Errors: as TestFlowRules; also for over limits::kTrialsMax hooks to be called, and for
//   `mail_from`.
StatusOr<PlannedTrials> PlanTrials(const rules::RuleSet& rules,
                                   const v1::TestFlowRulesRequest& request,
                                   const flow::OwnsDomain& owns_domain, MessageId id,
                                   const std::function<InvocationId()>& new_invocation);

}  // namespace penstock::wire
