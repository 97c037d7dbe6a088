// SPDX-License-Identifier: Apache-2.0
// What every attempt to call a hook has in common, whoever makes it: whether it may be made, and
// how long it may take (SPEC P1, H2).
#pragma once

#include <string_view>

#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/flow/hook.h"
#include "engine/rules/flow_rule.h"

namespace penstock::flow {

// Whether rules of `organization` may call `hook` for messages of `direction`.
//   Errors: kPermissionDenied, with the command that grants it.
Status CheckInvoke(const Hook& hook, std::string_view organization, rules::FlowDirection direction);

// From sending to the complete answer.
Milliseconds AttemptDeadline(const Hook& hook, rules::InvocationMode mode);

}  // namespace penstock::flow
