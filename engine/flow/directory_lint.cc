// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/directory_lint.h"

#include <set>
#include <string>

#include "engine/base/strings.h"

namespace penstock::flow {

std::vector<rules::LintFinding> Lint(const Directory& directory) {
  using rules::FlowDirection;
  using rules::LintFinding;
  std::vector<rules::FlowRule> rules;
  std::set<std::string> called;
  for (const auto& [name, organization] : directory.organizations()) {
    for (const FlowDirection direction : {FlowDirection::kInbound, FlowDirection::kOutbound}) {
      for (const rules::FlowRule* rule : directory.ListRules(name, direction)) {
        rules.push_back(*rule);
        if (rule->run_hook) called.insert(rule->run_hook->hook);
      }
    }
  }
  std::vector<LintFinding> findings = rules::Lint(rules);
  for (const auto& [name, hook] : directory.hooks()) {
    if (called.contains(name)) continue;
    LintFinding finding;
    finding.kind = LintFinding::Kind::kHookNeverCalled;
    finding.other = name;
    finding.text = hook->permissions.empty()
                       ? "no rule calls it, and no organization may"
                       : Cat("no rule calls it, though organization \"",
                             hook->permissions.front().organization, "\" may");
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace penstock::flow
