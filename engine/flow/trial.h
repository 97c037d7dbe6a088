// SPDX-License-Identifier: Apache-2.0
// A hook called to see what it answers: `hook invoke`, `rule test --invoke` (SPEC R15). What it is
// sent and what its answer comes to are the engine's own; nothing is delivered or kept. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/flow/answer.h"
#include "engine/flow/event.h"
#include "engine/flow/message_state.h"
#include "engine/flow/plan.h"
#include "engine/flow/resolve.h"
#include "engine/rules/flow_rule.h"

namespace penstock::flow {

struct Trial {
  std::string hook;  // its name
  std::string organization;
  std::string rule;  // may be empty: none calls
  rules::InvocationMode mode = rules::InvocationMode::kSync;
  std::uint32_t attempt = 1;
  Event event;
  std::vector<std::string> recipients;        // of the invocation, all, those that E5 cut too
  std::vector<std::string> other_recipients;  // that the same message has beside these
  rules::Verdict fallback;                    // kSync only
};

// The trials of a message that might come: one for each rule with RUN_HOOK that won a recipient, as
// MakePlan has them, SYNC before ASYNC. Of `message` id, organization, direction and summary count.
std::vector<Trial> MakeTrials(MessageState message, const std::vector<PlannedRecipient>& recipients,
                              const std::function<InvocationId()>& new_invocation);

// Whether the organization owns a domain, as ResolveInput::owns_domain.
using OwnsDomain = std::function<bool(std::string_view domain)>;

// What the answer comes to for the recipients of `trial`, in their order. Errors: as Resolve.
StatusOr<Resolution> ResolveTrial(const Trial& trial, const OwnsDomain& owns_domain, bool strict,
                                  const Answer& answer);

}  // namespace penstock::flow
