// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/directory_lint.h"

#include <set>
#include <string>

#include "engine/base/strings.h"

namespace penstock::flow {
namespace {

// A7, and H3: no attempt starts after the rule timeout, one that runs then may finish. A hook that
// may see content is not asked while a reply is held (M2).
void FindCutShort(const Directory& directory, const rules::FlowRule& rule,
                  std::span<const OneWayMilter> milters,
                  std::vector<rules::LintFinding>& findings) {
  if (!rule.run_hook || rule.run_hook->mode != rules::InvocationMode::kSync) return;
  const auto hook = directory.FindHook(rule.run_hook->hook);
  if (hook == nullptr) return;
  const bool sees_content = MayRead(*hook, rule.organization, rule.direction) ||
                            MayReplace(*hook, rule.organization, rule.direction);
  const Milliseconds longest = rule.run_hook->rule_timeout + hook->sync_deadline;
  for (const OneWayMilter& milter : milters) {
    if (milter.direction != rule.direction || (!sees_content && longest <= milter.hold)) continue;
    rules::LintFinding finding;
    finding.kind = rules::LintFinding::Kind::kCutShort;
    finding.organization = rule.organization;
    finding.direction = rule.direction;
    finding.rule = rule.name;
    finding.other = milter.listener;
    finding.text =
        Cat("mail of milter \"", milter.listener, "\" has no way back to its MTA: ",
            sees_content
                ? Cat("it gets the fallback and hook \"", hook->name,
                      "\" is not called, since it may see content, which only accepted mail has")
                : Cat("what hook \"", hook->name, "\" has not decided after ",
                      FormatDuration(milter.hold), " gets the fallback, whatever the rule timeout"),
            "; set routes.",
            milter.direction == rules::FlowDirection::kInbound ? "inbound" : "outbound",
            " to a next hop whose port has no milter");
    findings.push_back(std::move(finding));
  }
}

}  // namespace

std::vector<rules::LintFinding> Lint(const Directory& directory,
                                     std::span<const OneWayMilter> milters) {
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
  for (const rules::FlowRule& rule : rules)
    FindCutShort(directory, rule, milters, findings);
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
