// SPDX-License-Identifier: Apache-2.0
// penstock hook invoke: what a hook answers to an event, and what that comes to.
#include <algorithm>
#include <limits>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/flow/hook.h"
#include "engine/wire/convert_hook.h"
#include "engine/wire/hook_trial.h"
#include "engine/wire/resource_name.h"

#include "penstock/v1/hooks.grpc.pb.h"

#include "tools/penstock/decision_options.h"
#include "tools/penstock/direct_call.h"
#include "tools/penstock/hook_options.h"
#include "tools/penstock/resources.h"
#include "tools/penstock/session.h"
#include "tools/penstock/system_clock.h"
#include "tools/penstock/trial_text.h"

namespace penstock::cli {
namespace {

using Kind = Parameter::Kind;

constexpr const char* kOperand = "NAME|TARGET";

// No name of a hook has one of these, and every target does.
bool IsTarget(std::string_view text) {
  return text.find_first_of(":/") != std::string_view::npos;
}

// What the daemon knows of a registered hook, and the line has to say of a target.
std::vector<Parameter> TargetSettings() {
  std::vector<Parameter> settings = {DomainOption(),
                                     StrictOption(),
                                     {.name = "--as",
                                      .value = "NAME",
                                      .help = "the name that the hook is told is its own",
                                      .preset = "hook"}};
  for (Parameter& parameter : CallSettings())
    settings.push_back(std::move(parameter));
  for (Parameter& parameter : settings)
    parameter.help = Cat("TARGET: ", parameter.help);
  return settings;
}

StatusOr<v1::InvokeHookRequest> RequestOf(Session& session, const Arguments& arguments) {
  v1::InvokeHookRequest request;
  PENSTOCK_ASSIGN_OR_RETURN(const flow::Event event, EventOf(arguments, session.output()));
  flow::AppendJson(*request.mutable_event_json(), event);
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<std::string> recipients,
                            InvocationRecipientsOf(arguments, event, session.output()));
  request.mutable_recipients()->Assign(recipients.begin(), recipients.end());
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<std::string> others,
                            AddressesOf(arguments, "--other-rcpt"));
  request.mutable_other_recipients()->Assign(others.begin(), others.end());
  PENSTOCK_RETURN_IF_ERROR(FallbackOf(arguments, event.direction).status());
  *request.mutable_fallback() = VerdictOf(arguments, "--fallback-", "--fallback");
  request.set_organization(arguments.Text("--org"));
  request.set_rule(arguments.Text("--rule"));
  request.set_mode(arguments.Text("--mode") == "async" ? v1::InvokeRequest::ASYNC
                                                       : v1::InvokeRequest::SYNC);
  request.set_attempt(static_cast<std::int32_t>(std::min<std::int64_t>(
      arguments.Number("--attempt"), std::numeric_limits<std::int32_t>::max())));
  const std::string whom = arguments.Text(kOperand);
  const std::string as = arguments.Text("--as");
  PENSTOCK_RETURN_IF_ERROR(Annotate(rules::CheckName("hook", as), "--as"));
  request.set_name(wire::HookName(IsTarget(whom) ? as : whom));
  return request;
}

StatusOr<v1::HookTrial> InvokeTarget(const Arguments& arguments,
                                     const v1::InvokeHookRequest& request) {
  PENSTOCK_ASSIGN_OR_RETURN(const flow::Trial trial, wire::ReadTrial(request, FreshInvocationId()));
  v1::Hook resource;
  FillHook(arguments, resource);
  resource.set_name(request.name());
  resource.set_target(arguments.Text(kOperand));
  const StatusOr<flow::Hook> read = wire::FromProto(resource);
  if (!read.ok()) return Annotate(read.status(), kOperand);
  const flow::Hook& hook = *read;
  PENSTOCK_ASSIGN_OR_RETURN(const flow::OwnsDomain owns_domain, OwnsDomainOf(arguments));
  v1::HookTrial made = CallDirectly(hook, trial, owns_domain, arguments.Has("--strict"));
  made.set_hook(hook.target);
  return made;
}

StatusOr<v1::HookTrial> InvokeName(Session& session, const v1::InvokeHookRequest& request) {
  session.client().AllowFor(request.mode() == v1::InvokeRequest::ASYNC
                                ? Milliseconds(limits::kTrialCallDeadlineMax)
                                : Milliseconds(limits::kTrialCallDeadline));
  v1::InvokeHookResponse response;
  PENSTOCK_RETURN_IF_ERROR(session.client().Call<v1::HookRegistryService>(
      &v1::HookRegistryService::Stub::InvokeHook, request, &response));
  return response.trial();
}

Status Invoke(Session& session, const Arguments& arguments) {
  PENSTOCK_ASSIGN_OR_RETURN(const v1::InvokeHookRequest request, RequestOf(session, arguments));
  PENSTOCK_ASSIGN_OR_RETURN(const v1::HookTrial trial, IsTarget(arguments.Text(kOperand))
                                                           ? InvokeTarget(arguments, request)
                                                           : InvokeName(session, request));
  PENSTOCK_RETURN_IF_ERROR(session.output().Show(trial, [&] { return TrialText(trial); }));
  return FailureOf(trial);
}

Status CheckInvoke(const Arguments& arguments) {
  PENSTOCK_RETURN_IF_ERROR(CheckFallbackOptions(arguments));
  if (arguments.Number("--attempt") < 1) return InvalidArgument("--attempt \"0\": they begin at 1");
  const std::string whom = arguments.Text(kOperand);
  if (IsTarget(whom)) return OkStatus();
  for (const Parameter& parameter : TargetSettings()) {
    if (!arguments.Has(parameter.name)) continue;
    return InvalidArgument(Cat(parameter.name, " goes with a TARGET such as 127.0.0.1:50051; of \"",
                               Printable(whom), "\" the daemon knows how it is called"));
  }
  return OkStatus();
}

}  // namespace

std::vector<Command> HookInvokeCommands() {
  std::vector<Parameter> fallback =
      FallbackOptions("what recipients get whom the answer does not reach", "fallback");
  fallback.front().preset = "default";
  Parameter direction = DirectionOption();
  direction.required = false;
  direction.help += "; needed where the event does not name it";
  const std::vector<Parameter> call = {
      {.name = kOperand,
       .help = "a hook by its name; or where one listens, which needs no daemon",
       .kind = Kind::kHook,
       .required = true,
       .field = "name"},
      EventOption(),
      {.name = "--mode",
       .value = "MODE",
       .help = "whether a message would wait for the answer",
       .kind = Kind::kWord,
       .words = {"sync", "async"},
       .preset = "sync",
       .field = "mode"},
      {.name = "--attempt",
       .value = "N",
       .help = "the attempt that the hook is told",
       .kind = Kind::kNumber,
       .preset = "1",
       .field = "attempt"},
      {.name = "--rule",
       .value = "RULE",
       .help = "the rule that the hook is told",
       .kind = Kind::kRule,
       .field = "rule"},
      OrgOption(),
      std::move(direction)};
  const std::vector<Parameter> decided = {
      RcptOption("a recipient of the invocation; name all where the event was cut"),
      OtherRcptOption()};
  return {{.words = "hook invoke",
           .summary = "Call a hook with an event, and show what its answer comes to",
           .details = "The hook is called as for mail, once; nothing is sent or recorded as mail. "
                      "Exit code 1 if the attempt fails.",
           .example = "penstock hook invoke disclaimer --event event.json",
           .parameters = With(With(With(call, fallback), decided), TargetSettings()),
           .check = CheckInvoke,
           .run = Invoke}};
}

}  // namespace penstock::cli
