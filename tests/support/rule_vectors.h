// SPDX-License-Identifier: Apache-2.0
// Flow rules as test vectors write them. What is left out has the value shown:
//   {"organization": "default", "direction": "INBOUND", "name": …, "senders": ["*"],
//    "recipients": ["*"], "action": "DEFAULT", "gateway": "", "bounce_message": "",
//    "hook": …, "mode": "SYNC", "fallback": "DEFAULT", "fallback_gateway": "", "minutes": 0}
// `hook` makes the action RUN_HOOK.
#pragma once

#include <string>
#include <vector>

#include "engine/rules/flow_rule.h"
#include "tests/support/vectors.h"

namespace penstock::tests {

// Throws std::runtime_error for an unknown key or word.
rules::FlowRule RuleFromJson(const Json& json);
std::vector<rules::FlowRule> RulesFromJson(const Json& json);

// Reads a list of texts; an absent key is an empty list.
std::vector<std::string> TextsFromJson(const Json& object, const char* key);

}  // namespace penstock::tests
