// SPDX-License-Identifier: Apache-2.0
// From the rules that won to the plan of a message: who is decided at once, which hook is asked for
// whom, which ASYNC hooks get an event (R5, R9, R11). Pure.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/flow/history.h"
#include "engine/flow/message_state.h"
#include "engine/rules/flow_rule.h"

namespace penstock::flow {

// One recipient and the rule that won it.
struct PlannedRecipient {
  std::string forward_path;
  const rules::FlowRule* rule = nullptr;  // null: none matched (R9)
  std::string reason;                     // why it won; for the record
  bool foreign = false;                   // O3
};

// An event to queue for an ASYNC hook, in the commit that accepts the message (H12).
struct PlannedAsync {
  std::string rule;
  std::string hook;
  Event event;
};

struct Plan {
  MessageState state;  // of `message`, with recipients and invocations
  std::vector<PlannedAsync> async;
  std::vector<HistoryEntry> history;
};

// `message` has everything but recipients, invocations and deliveries; `new_invocation` names each
// invocation. Recipients keep their order; one invocation per rule (E3), in order of rule name.
Plan MakePlan(MessageState message, const std::vector<PlannedRecipient>& recipients,
              const std::function<InvocationId()>& new_invocation);

}  // namespace penstock::flow
