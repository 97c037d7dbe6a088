// SPDX-License-Identifier: Apache-2.0
// Trials of hooks (SPEC R15): what they are asked with, and what came of them. The one translation
// for the daemon and for the commands without one.
#pragma once

#include <span>
#include <string>

#include "engine/base/ids.h"
#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/flow/trial.h"
#include "engine/rules/flow_rule.h"

namespace penstock::v1 {
class HookTrial;
class InvokeHookRequest;
class Resolution;
class Verdict;
}  // namespace penstock::v1

namespace penstock::wire {

// Reads a fallback as that of a SYNC rule of `direction` (R8, R10).
//   Errors: kInvalidArgument, `fallback.action: …`.
StatusOr<rules::Verdict> ReadFallback(const v1::Verdict& fallback, rules::FlowDirection direction);

// Reads what InvokeHook is asked for. Recipients of the event are cut as E5 says, as if it were
// made anew. `fresh` is for an event without invocation id.
//   Errors: kInvalidArgument naming the field.
StatusOr<flow::Trial> ReadTrial(const v1::InvokeHookRequest& request, InvocationId fresh);

// `recipients` are those that were resolved, in their order.
v1::Resolution ToProto(const flow::Resolution& resolution, std::span<const std::string> recipients);

// How `trial` ended. `answer` is what the hook said or why the call failed, `strict` that of H10.
v1::HookTrial ToProto(const flow::Trial& trial, const StatusOr<flow::Answer>& answer,
                      Milliseconds duration, const flow::OwnsDomain& owns_domain, bool strict);

}  // namespace penstock::wire
