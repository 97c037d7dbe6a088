// SPDX-License-Identifier: Apache-2.0
// Options about a hook: where it is and how it is called.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "penstock/v1/hooks.pb.h"

#include "tools/penstock/command.h"

namespace penstock::cli {

// What `hook register` and `hook update` say about a hook.
std::vector<Parameter> HookSettings();

// Those of them that are about calls, for a hook that this process calls itself.
std::vector<Parameter> CallSettings();

// What `hook update` can take back.
std::vector<Parameter> HookNegations();

Parameter TargetOption(bool required);

// Sets what the command line names; returns the fields' names.
std::set<std::string> FillHook(const Arguments& arguments, v1::Hook& hook);

}  // namespace penstock::cli
