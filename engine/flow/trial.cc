// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/trial.h"

#include <utility>

#include "engine/flow/message_machine.h"

namespace penstock::flow {
namespace {

// Puts each recipient of `message` among those of the trial or the others.
template <class Belongs>
void ShareOut(const MessageState& message, Trial& trial, const Belongs& belongs) {
  for (const RecipientState& recipient : message.recipients) {
    (belongs(recipient) ? trial.recipients : trial.other_recipients)
        .push_back(recipient.forward_path);
  }
}

}  // namespace

std::vector<Trial> MakeTrials(MessageState message, const std::vector<PlannedRecipient>& recipients,
                              const std::function<InvocationId()>& new_invocation) {
  Plan plan = MakePlan(std::move(message), recipients, new_invocation);
  const FlowSettings settings;
  const MessageMachine machine(std::move(plan.state), settings, {});
  const MessageState& state = machine.state();
  std::vector<Trial> trials;
  for (Index i = 0; i < state.invocations.size(); ++i) {
    const InvocationState& invocation = state.invocations[i];
    Trial& trial = trials.emplace_back();
    trial.hook = invocation.hook;
    trial.organization = state.organization;
    trial.rule = invocation.rule;
    trial.event = machine.EventOf(i);
    trial.fallback = invocation.fallback;
    ShareOut(state, trial,
             [i](const RecipientState& recipient) { return recipient.invocation == i; });
  }
  for (PlannedAsync& planned : plan.async) {
    Trial& trial = trials.emplace_back();
    trial.hook = planned.hook;
    trial.organization = state.organization;
    trial.rule = planned.rule;
    trial.mode = rules::InvocationMode::kAsync;
    trial.event = std::move(planned.event);
    ShareOut(state, trial,
             [&](const RecipientState& recipient) { return recipient.rule == planned.rule; });
  }
  return trials;
}

StatusOr<Resolution> ResolveTrial(const Trial& trial, const OwnsDomain& owns_domain, bool strict,
                                  const Answer& answer) {
  ResolveInput input;
  input.recipients = trial.recipients;
  input.other_recipients = trial.other_recipients;
  input.fallback = trial.fallback;
  input.direction = trial.event.direction;
  input.owns_domain = owns_domain;
  input.strict = strict;
  input.room = RoomForAdditions(trial.event.direction,
                                trial.recipients.size() + trial.other_recipients.size());
  return Resolve(input, answer);
}

}  // namespace penstock::flow
