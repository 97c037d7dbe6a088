// SPDX-License-Identifier: Apache-2.0
// The commands of each resource, one file each.
#pragma once

#include <vector>

#include "tools/penstock/command.h"

namespace penstock::cli {

std::vector<Command> OrgCommands();         // org_commands.cc
std::vector<Command> HookCommands();        // hook_commands.cc
Command HookCheckCommand();                 // hook_check_command.cc; one of HookCommands
Command HookTailCommand();                  // hook_tail_command.cc; one of HookCommands
std::vector<Command> HookInvokeCommands();  // hook_invoke_command.cc; among HookCommands()
std::vector<Command> RuleCommands();        // rule_commands.cc
std::vector<Command> RuleTestCommands();    // rule_test_command.cc; among RuleCommands()
std::vector<Command> EventCommands();       // event_commands.cc
std::vector<Command> AnswerCommands();      // answer_commands.cc
Command LintCommand();                      // lint_command.cc; one of RuleCommands
std::vector<Command> ManifestCommands();    // manifest_commands.cc
std::vector<Command> ChangeCommands();      // change_commands.cc
std::vector<Command> MessageCommands();     // message_commands.cc
std::vector<Command> DeadLetterCommands();  // dead_letter_commands.cc
std::vector<Command> StatusCommands();      // status_commands.cc
std::vector<Command> CompletionCommands();  // completion.cc

}  // namespace penstock::cli
