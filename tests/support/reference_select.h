// SPDX-License-Identifier: Apache-2.0
// Selection of flow rules as SPEC R2-R7 say it, clause by clause, by looking at every rule and
// every pattern. It shares nothing with engine/rules/select but the type FlowRule, so that the two
// can disagree. ASCII addresses and patterns only; no quoted local parts.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/rules/flow_rule.h"

namespace penstock::tests {

// "address", "domain", "wildcard domain of 2 labels", "any".
using LevelName = std::string;

struct ReferenceSelection {
  std::optional<std::string> rule;  // none: no rule matches
  std::string field = "none";       // "Sender", "From"; "none" if neither is usable
  LevelName sender_level;
  LevelName recipient_level;
  // What set the winner apart from the best of the others that match: "alone", "sender level",
  // "recipient level", "action", "name".
  std::string decided_by;
  std::map<std::string, std::string> lost;  // rule → reason, in the words of explain.h's Name
};

// `sender` and `from` are empty where the field is not usable.
ReferenceSelection ReferenceSelect(const std::vector<rules::FlowRule>& rules,
                                   const std::vector<std::string>& sender,
                                   const std::vector<std::string>& from,
                                   const std::string& recipient);

}  // namespace penstock::tests
