// SPDX-License-Identifier: Apache-2.0
// Flow rules, and why they win or lose, for people.
#pragma once

#include <string>

#include "penstock/v1/flow_rules.pb.h"

namespace penstock::cli {

// "BOUNCE \"no thanks\"", "ROUTE_TO_GATEWAY partner".
std::string VerdictText(const v1::Verdict& verdict);

// "RUN_HOOK disclaimer, SYNC, fallback DEFAULT, timeout 10m".
std::string RunHookText(const v1::RunHook& run_hook);

std::string RuleTable(const v1::ListFlowRulesResponse& rules);
std::string RuleSheet(const v1::FlowRule& rule);

// A few lines for each recipient: what happens, by which rule, and the rules that lost.
std::string ExplanationText(const v1::TestFlowRulesResponse& response);

}  // namespace penstock::cli
