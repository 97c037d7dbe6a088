// SPDX-License-Identifier: Apache-2.0
// What a hook's answer comes to, for people.
#pragma once

#include <string>

#include "engine/base/status.h"

#include "penstock/v1/flow_rules.pb.h"

namespace penstock::cli {

// A row for each recipient, those that the answer adds too, then the warnings.
std::string ResolutionText(const v1::Resolution& resolution);

// How the call ended, what was answered, and what that comes to.
std::string TrialText(const v1::HookTrial& trial);

// OK, or for standard error that the attempt failed and what to look at.
Status FailureOf(const v1::HookTrial& trial);

}  // namespace penstock::cli
