// SPDX-License-Identifier: Apache-2.0
// Calls a hook from this process, without a daemon, by the engine's own hook client (SPEC R15).
#pragma once

#include "engine/base/time.h"
#include "engine/flow/hook.h"
#include "engine/flow/trial.h"

#include "penstock/v1/flow_rules.pb.h"

namespace penstock::cli {

// Makes one trial of `hook`; whether it may be called is the caller's matter. Blocks until the
// attempt's deadline at most. A call that fails is a value: the trial says how.
v1::HookTrial CallDirectly(const flow::Hook& hook, const flow::Trial& trial,
                           const flow::OwnsDomain& owns_domain, bool strict);

}  // namespace penstock::cli
