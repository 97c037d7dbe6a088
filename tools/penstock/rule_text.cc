// SPDX-License-Identifier: Apache-2.0
#include "tools/penstock/rule_text.h"

#include "engine/base/strings.h"
#include "engine/wire/proto_time.h"

#include "tools/penstock/names.h"
#include "tools/penstock/output.h"

namespace penstock::cli {
namespace {

template <class Owner>
std::string ActionText(const Owner& owner) {
  if (owner.has_run_hook()) return RunHookText(owner.run_hook());
  return VerdictText(owner.verdict());
}

// The first patterns of a long list; all of them are in `rule show`.
template <class Patterns>
std::string FewPatterns(const Patterns& patterns) {
  constexpr int kShown = 3;
  std::string text;
  for (int i = 0; i < patterns.size() && i < kShown; ++i)
    Append(text, i == 0 ? "" : ", ", patterns.Get(i));
  if (patterns.size() > kShown) Append(text, " and ", patterns.size() - kShown, " more");
  return text;
}

template <class Patterns>
std::string AllPatterns(const Patterns& patterns) {
  return Join({patterns.begin(), patterns.end()}, ", ");
}

}  // namespace

std::string VerdictText(const v1::Verdict& verdict) {
  std::string text = v1::Verdict::Action_Name(verdict.action());
  if (!verdict.gateway().empty()) Append(text, " ", verdict.gateway());
  if (!verdict.bounce_message().empty()) Append(text, " \"", verdict.bounce_message(), "\"");
  return text;
}

std::string RunHookText(const v1::RunHook& run_hook) {
  std::string text =
      Cat("RUN_HOOK ", run_hook.hook(), ", ", v1::InvokeRequest::Mode_Name(run_hook.mode()));
  if (run_hook.mode() == v1::InvokeRequest::SYNC) {
    Append(text, ", fallback ", VerdictText(run_hook.fallback()), ", timeout ",
           wire::DurationText(wire::FromProto(run_hook.rule_timeout())));
  }
  return text;
}

std::string RuleTable(const v1::ListFlowRulesResponse& rules) {
  Table table({"NAME", "ORGANIZATION", "DIRECTION", "SENDERS", "RECIPIENTS", "ACTION"});
  for (const v1::FlowRule& rule : rules.flow_rules()) {
    const auto parts = Split(rule.name(), '/');
    if (parts.size() != 6) continue;
    table.Add({std::string(parts[5]), std::string(parts[1]), std::string(parts[3]),
               FewPatterns(rule.sender_patterns()), FewPatterns(rule.recipient_patterns()),
               ActionText(rule)});
  }
  return table.ToText("no rules: every message gets DEFAULT");
}

std::string RuleSheet(const v1::FlowRule& rule) {
  Sheet sheet;
  sheet.Add("Rule", RuleText(rule.name()));
  sheet.Add("Description", rule.description());
  sheet.Add("Senders", AllPatterns(rule.sender_patterns()));
  sheet.Add("Recipients", AllPatterns(rule.recipient_patterns()));
  sheet.Add("Action", ActionText(rule));
  return sheet.ToText();
}

std::string ExplanationText(const v1::TestFlowRulesResponse& response) {
  constexpr int kLosersShown = 20;
  std::string text;
  for (const v1::FlowRuleExplanation& explanation : response.explanations()) {
    Append(text, text.empty() ? "" : "\n", TerminalText(explanation.recipient()), ": ",
           TerminalText(ActionText(explanation)), "\n  ", TerminalText(explanation.reason()), "\n");
    if (!explanation.sender_address().empty()) {
      Append(text, "  the sender is ", TerminalText(explanation.sender_address()), "\n");
    }
    int shown = 0;
    for (const v1::FlowRuleExplanation::Loser& loser : explanation.losers()) {
      if (shown++ == kLosersShown) {
        Append(text, "  and ", explanation.losers_size() - kLosersShown,
               " more that lose: --output json shows them\n");
        break;
      }
      Append(text, "  not ", IdOf(loser.flow_rule()), ": ", TerminalText(loser.reason()), "\n");
    }
  }
  return text;
}

}  // namespace penstock::cli
