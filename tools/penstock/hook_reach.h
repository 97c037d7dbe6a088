// SPDX-License-Identifier: Apache-2.0
// Whether a hook that is being registered is there yet, and what it says of itself.
#pragma once

#include <string>

#include "engine/base/status.h"
#include "engine/flow/hook.h"

namespace penstock::cli {

// Returns "plain text, connected in 1ms; health: SERVING; reflection: none; there and back in 1ms".
// Calls no decision. Blocks for limits::kHookProbeDeadline a question at most.
//   Errors: kUnavailable if nobody answers there; kInvalidArgument for TLS files that this user
//   cannot use.
StatusOr<std::string> ReachText(const flow::Hook& hook);

}  // namespace penstock::cli
