// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/convert_flow_rule.h"

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/wire/proto_time.h"
#include "engine/wire/resource_name.h"
#include "engine/wire/update.h"

#include "penstock/v1/flow_rules.pb.h"

namespace penstock::wire {
namespace {

using rules::Action;
using rules::InvocationMode;

constexpr std::array<std::pair<Action, v1::Verdict::Action>, 6> kActions = {
    {{Action::kDrop, v1::Verdict::DROP},
     {Action::kBounce, v1::Verdict::BOUNCE},
     {Action::kMoveToJunk, v1::Verdict::MOVE_TO_JUNK},
     {Action::kRouteToGateway, v1::Verdict::ROUTE_TO_GATEWAY},
     {Action::kDefault, v1::Verdict::DEFAULT},
     {Action::kBypassSpamCheck, v1::Verdict::BYPASS_SPAM_CHECK}}};

v1::Verdict::Action ActionToProto(Action action) {
  for (const auto& [ours, theirs] : kActions) {
    if (ours == action) return theirs;
  }
  return v1::Verdict::UNSPECIFIED;  // kRunHook is no verdict
}

std::optional<Action> ActionFromProto(v1::Verdict::Action action) {
  for (const auto& [ours, theirs] : kActions) {
    if (theirs == action) return ours;
  }
  return std::nullopt;
}

StatusOr<rules::Verdict> VerdictFromProto(const v1::Verdict& verdict, std::string_view field) {
  const std::optional<Action> action = ActionFromProto(verdict.action());
  if (!action) {
    return InvalidArgument(
        Cat(field,
            ".action: missing; expected DROP, BOUNCE, MOVE_TO_JUNK, ROUTE_TO_GATEWAY, "
            "DEFAULT or BYPASS_SPAM_CHECK"));
  }
  return rules::Verdict{*action, verdict.gateway(), verdict.bounce_message()};
}

v1::RunHook RunHookToProto(const rules::HookInvocation& run_hook) {
  v1::RunHook out;
  out.set_hook(run_hook.hook);
  if (run_hook.mode == InvocationMode::kAsync) {
    out.set_mode(v1::InvokeRequest::ASYNC);
    return out;
  }
  out.set_mode(v1::InvokeRequest::SYNC);
  *out.mutable_fallback() = ToProto(run_hook.fallback);
  *out.mutable_rule_timeout() = ToProto(std::chrono::nanoseconds(run_hook.rule_timeout));
  return out;
}

StatusOr<rules::HookInvocation> RunHookFromProto(const v1::RunHook& run_hook) {
  rules::HookInvocation out;
  out.hook = run_hook.hook();
  switch (run_hook.mode()) {
    case v1::InvokeRequest::SYNC:
      out.mode = InvocationMode::kSync;
      break;
    case v1::InvokeRequest::ASYNC:
      out.mode = InvocationMode::kAsync;
      break;
    default:
      return InvalidArgument("run_hook.mode: missing; expected SYNC or ASYNC");
  }
  if (run_hook.has_fallback()) {
    PENSTOCK_ASSIGN_OR_RETURN(out.fallback,
                              VerdictFromProto(run_hook.fallback(), "run_hook.fallback"));
  } else if (out.mode == InvocationMode::kSync) {
    return InvalidArgument("run_hook.fallback: missing; a SYNC rule has one (R10)");
  }
  const std::chrono::nanoseconds timeout = FromProto(run_hook.rule_timeout());
  out.rule_timeout = std::chrono::duration_cast<std::chrono::minutes>(timeout);
  if (out.rule_timeout != timeout) {
    return InvalidArgument(
        Cat("run_hook.rule_timeout: ", DurationText(timeout), " is not a whole number of minutes"));
  }
  return out;
}

std::string PatternsText(const rules::ExplainedPattern& sender,
                         const rules::ExplainedPattern& recipient) {
  return Cat("sender pattern \"", sender.pattern, "\" and recipient pattern \"", recipient.pattern,
             "\"");
}

// One sentence for each way to lose (R4, R6, R7).
std::string LossText(const rules::Loser& loser) {
  const std::string sender = loser.sender ? loser.sender->pattern : "";
  const std::string recipient = loser.recipient ? loser.recipient->pattern : "";
  switch (loser.reason) {
    case rules::LossReason::kNoSenderMatch:
      return "no sender pattern matches";
    case rules::LossReason::kNoRecipientMatch:
      return "no recipient pattern matches";
    case rules::LossReason::kSenderFieldFirst:
      return "matches by From only; another rule matches by Sender, which goes first";
    case rules::LossReason::kLessSpecificSender:
      return Cat("sender pattern \"", sender, "\" is less specific");
    case rules::LossReason::kLessSpecificRecipient:
      return Cat("recipient pattern \"", recipient, "\" is less specific");
    case rules::LossReason::kLessRestrictiveAction:
      return Cat("as specific, but ", rules::Name(loser.action), " is less restrictive");
    case rules::LossReason::kLaterName:
      return "as specific and as restrictive, but its name comes later";
  }
  return {};
}

}  // namespace

v1::Verdict ToProto(const rules::Verdict& verdict) {
  v1::Verdict out;
  out.set_action(ActionToProto(verdict.action));
  out.set_gateway(verdict.gateway);
  out.set_bounce_message(verdict.bounce_message);
  return out;
}

v1::FlowRule ToProto(const rules::FlowRule& rule) {
  v1::FlowRule out;
  out.set_name(FlowRuleName(rule.organization, rule.direction, rule.name));
  for (const std::string& pattern : rule.sender_patterns)
    out.add_sender_patterns(pattern);
  for (const std::string& pattern : rule.recipient_patterns)
    out.add_recipient_patterns(pattern);
  if (rule.run_hook) {
    *out.mutable_run_hook() = RunHookToProto(*rule.run_hook);
  } else {
    *out.mutable_verdict() = ToProto(rule.verdict);
  }
  out.set_description(rule.description);
  out.set_etag(Etag(out));
  return out;
}

StatusOr<rules::FlowRule> FromProto(const v1::FlowRule& rule) {
  PENSTOCK_ASSIGN_OR_RETURN(FlowRuleRef ref, ParseFlowRuleName(rule.name()));
  rules::FlowRule out;
  out.organization = std::move(ref.organization);
  out.direction = ref.direction;
  out.name = std::move(ref.rule);
  out.sender_patterns.assign(rule.sender_patterns().begin(), rule.sender_patterns().end());
  out.recipient_patterns.assign(rule.recipient_patterns().begin(), rule.recipient_patterns().end());
  switch (rule.action_case()) {
    case v1::FlowRule::kVerdict: {
      PENSTOCK_ASSIGN_OR_RETURN(out.verdict, VerdictFromProto(rule.verdict(), "verdict"));
      break;
    }
    case v1::FlowRule::kRunHook: {
      PENSTOCK_ASSIGN_OR_RETURN(out.run_hook, RunHookFromProto(rule.run_hook()));
      break;
    }
    case v1::FlowRule::ACTION_NOT_SET:
      return InvalidArgument("action: missing; expected `verdict` or `run_hook`");
  }
  if (rule.description().size() > limits::kDescriptionOctetsMax) {
    return InvalidArgument(Cat("description: over ", limits::kDescriptionOctetsMax, " octets"));
  }
  out.description = rule.description();
  PENSTOCK_RETURN_IF_ERROR(rules::Validate(out));
  return out;
}

v1::FlowRuleExplanation ToProto(const rules::RecipientExplanation& explanation,
                                std::string_view organization, rules::FlowDirection direction) {
  v1::FlowRuleExplanation out;
  out.set_recipient(explanation.recipient);
  if (explanation.winner) {
    const rules::Winner& winner = *explanation.winner;
    out.set_flow_rule(FlowRuleName(organization, direction, winner.rule));
    out.set_sender_address(winner.originator);
    out.set_sender_pattern(winner.sender.pattern);
    out.set_recipient_pattern(winner.recipient.pattern);
    if (winner.act.run_hook) {
      *out.mutable_run_hook() = RunHookToProto(*winner.act.run_hook);
    } else {
      *out.mutable_verdict() = ToProto(winner.act.verdict);
    }
    out.set_reason(
        Cat("rule \"", winner.rule, "\" wins by ", PatternsText(winner.sender, winner.recipient)));
  } else {
    out.mutable_verdict()->set_action(v1::Verdict::DEFAULT);
    out.set_reason("no rule matches: DEFAULT");
  }
  for (const rules::Loser& loser : explanation.losers) {
    if (static_cast<std::size_t>(out.losers_size()) == limits::kListPageMax) break;
    v1::FlowRuleExplanation::Loser& added = *out.add_losers();
    added.set_flow_rule(FlowRuleName(organization, direction, loser.rule));
    added.set_reason(LossText(loser));
  }
  return out;
}

}  // namespace penstock::wire
