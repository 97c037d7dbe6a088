// SPDX-License-Identifier: Apache-2.0
// The commands of each resource, one file each.
#pragma once

#include <vector>

#include "tools/penstock/command.h"

namespace penstock::cli {

std::vector<Command> OrgCommands();         // org_commands.cc
std::vector<Command> HookCommands();        // hook_commands.cc
std::vector<Command> RuleCommands();        // rule_commands.cc
std::vector<Command> MessageCommands();     // message_commands.cc
std::vector<Command> StatusCommands();      // status_commands.cc
std::vector<Command> CompletionCommands();  // completion.cc

}  // namespace penstock::cli
