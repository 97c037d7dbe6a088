// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/hook_trial.h"

#include <cstddef>
#include <utility>

#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/mail/mailbox.h"
#include "engine/wire/convert_flow_rule.h"
#include "engine/wire/convert_hook_call.h"
#include "engine/wire/event_json.h"
#include "engine/wire/proto_time.h"
#include "engine/wire/resource_name.h"

#include "penstock/v1/flow_rules.pb.h"
#include "penstock/v1/hooks.pb.h"

namespace penstock::wire {
namespace {

using rules::InvocationMode;
using Recipient = v1::Resolution::Recipient;

Recipient::Basis BasisToProto(flow::Basis basis) {
  switch (basis) {
    case flow::Basis::kNamed:
      return Recipient::NAMED;
    case flow::Basis::kAllRecipients:
      return Recipient::ALL_RECIPIENTS;
    case flow::Basis::kFallback:
      return Recipient::FALLBACK;
    case flow::Basis::kSurplus:
      return Recipient::SURPLUS;
  }
  return Recipient::UNSPECIFIED;
}

// The words are those of the enum in the contract.
v1::Resolution::Warning::Reason ReasonToProto(flow::Reason reason) {
  v1::Resolution::Warning::Reason out = v1::Resolution::Warning::UNSPECIFIED;
  v1::Resolution::Warning::Reason_Parse(std::string(flow::Name(reason)), &out);
  return out;
}

// H3: what all recipients get in the end if no attempt succeeds.
v1::Resolution AllFallBack(const flow::Trial& trial) {
  v1::Resolution out;
  for (const std::string& address : trial.recipients) {
    Recipient& recipient = *out.add_recipients();
    recipient.set_address(address);
    *recipient.mutable_verdict() = ToProto(trial.fallback);
    recipient.set_basis(Recipient::NO_ANSWER);
  }
  return out;
}

StatusOr<InvocationMode> ReadMode(v1::InvokeRequest::Mode mode) {
  switch (mode) {
    case v1::InvokeRequest::UNSPECIFIED:
    case v1::InvokeRequest::SYNC:
      return InvocationMode::kSync;
    case v1::InvokeRequest::ASYNC:
      return InvocationMode::kAsync;
    default:
      return InvalidArgument("mode: neither SYNC nor ASYNC");
  }
}

StatusOr<std::vector<std::string>> ReadAddresses(
    std::string_view field, const google::protobuf::RepeatedPtrField<std::string>& addresses) {
  for (int i = 0; i < addresses.size(); ++i) {
    const Status status = mail::Mailbox::Parse(addresses.Get(i)).status();
    if (!status.ok()) return Annotate(status, Cat(field, "[", i, "]"));
  }
  return std::vector<std::string>(addresses.begin(), addresses.end());
}

// The event as the engine would send it to `recipients`.
flow::Event Rebuild(flow::Event event, const std::vector<std::string>& recipients,
                    InvocationId fresh) {
  const bool truncated = event.truncated;
  if (event.invocation_id.empty()) event.invocation_id = std::move(fresh);
  flow::MessageSummary summary{std::move(event.mail_from), std::move(event.sender),
                               std::move(event.subject)};
  flow::Event out = flow::BuildEvent(std::move(summary), recipients, std::move(event.message_id),
                                     std::move(event.invocation_id), event.direction);
  out.truncated = out.truncated || truncated;
  return out;
}

}  // namespace

StatusOr<rules::Verdict> ReadFallback(const v1::Verdict& fallback, rules::FlowDirection direction) {
  v1::FlowRule rule;
  rule.set_name(FlowRuleName("any", direction, "any"));
  rule.add_sender_patterns("*");
  rule.add_recipient_patterns("*");
  v1::RunHook& run_hook = *rule.mutable_run_hook();
  run_hook.set_hook("any");
  run_hook.set_mode(v1::InvokeRequest::SYNC);
  *run_hook.mutable_fallback() = fallback;
  StatusOr<rules::FlowRule> read = FromProto(rule);
  if (read.ok()) return std::move(read->run_hook->fallback);
  std::string_view text = Message(read.status());
  if (text.starts_with("run_hook.")) text.remove_prefix(std::string_view("run_hook.").size());
  return InvalidArgument(text);
}

StatusOr<flow::Trial> ReadTrial(const v1::InvokeHookRequest& request, InvocationId fresh) {
  flow::Trial trial;
  PENSTOCK_ASSIGN_OR_RETURN(trial.hook, ParseHookName(request.name()));
  PENSTOCK_RETURN_IF_ERROR(
      Annotate(rules::CheckName("organization", request.organization()), "organization"));
  trial.organization = request.organization();
  if (!request.rule().empty()) {
    PENSTOCK_RETURN_IF_ERROR(Annotate(rules::CheckName("rule", request.rule()), "rule"));
  }
  trial.rule = request.rule();
  PENSTOCK_ASSIGN_OR_RETURN(trial.mode, ReadMode(request.mode()));
  if (request.attempt() < 0) {
    return InvalidArgument(Cat("attempt: ", request.attempt(), " is no number from 1"));
  }
  trial.attempt = request.attempt() == 0 ? 1 : static_cast<std::uint32_t>(request.attempt());
  StatusOr<flow::Event> event = ParseEventJson(request.event_json());
  if (!event.ok()) return Annotate(event.status(), "event_json");
  PENSTOCK_ASSIGN_OR_RETURN(trial.recipients, ReadAddresses("recipients", request.recipients()));
  if (trial.recipients.empty()) trial.recipients = event->recipients;
  PENSTOCK_ASSIGN_OR_RETURN(trial.other_recipients,
                            ReadAddresses("other_recipients", request.other_recipients()));
  trial.event = Rebuild(*std::move(event), trial.recipients, std::move(fresh));
  if (request.has_fallback()) {
    PENSTOCK_ASSIGN_OR_RETURN(trial.fallback,
                              ReadFallback(request.fallback(), trial.event.direction));
  }
  return trial;
}

v1::Resolution ToProto(const flow::Resolution& resolution,
                       std::span<const std::string> recipients) {
  v1::Resolution out;
  for (std::size_t i = 0; i < recipients.size(); ++i) {
    Recipient& recipient = *out.add_recipients();
    recipient.set_address(recipients[i]);
    *recipient.mutable_verdict() = ToProto(resolution.recipients[i].verdict);
    recipient.set_basis(BasisToProto(resolution.recipients[i].basis));
  }
  for (const flow::Addition& addition : resolution.additions) {
    v1::Resolution::Addition& added = *out.add_additions();
    added.set_address(addition.address);
    *added.mutable_verdict() = ToProto(addition.verdict);
  }
  for (const flow::Warning& warning : resolution.warnings) {
    v1::Resolution::Warning& warned = *out.add_warnings();
    warned.set_reason(ReasonToProto(warning.reason));
    warned.set_where(warning.where);
    warned.set_text(warning.text);
  }
  out.set_warnings_left_out(static_cast<std::int64_t>(resolution.warnings_left_out));
  return out;
}

v1::HookTrial ToProto(const flow::Trial& trial, const StatusOr<flow::Answer>& answer,
                      Milliseconds duration, const flow::OwnsDomain& owns_domain, bool strict) {
  v1::HookTrial out;
  out.set_hook(trial.hook);
  out.set_rule(trial.rule);
  out.set_organization(trial.organization);
  out.set_attempt(static_cast<std::int32_t>(trial.attempt));
  *out.mutable_event() = ToProto(trial.event);
  *out.mutable_duration() = ToProto(std::chrono::nanoseconds(duration));
  out.set_code(std::string(CodeName(answer.status().code())));
  out.set_error(std::string(Message(answer.status())));
  if (trial.mode == InvocationMode::kAsync) {
    out.set_mode(v1::InvokeRequest::ASYNC);
    return out;
  }
  out.set_mode(v1::InvokeRequest::SYNC);
  *out.mutable_resolution() = AllFallBack(trial);
  if (!answer.ok()) return out;
  flow::AppendJson(*out.mutable_answer(), *answer);
  const auto resolution = flow::ResolveTrial(trial, owns_domain, strict, *answer);
  if (resolution.ok()) {
    *out.mutable_resolution() = ToProto(*resolution, trial.recipients);
  } else {
    out.set_code("INVALID_ANSWER");
    out.set_error(std::string(Message(resolution.status())));
  }
  return out;
}

}  // namespace penstock::wire
