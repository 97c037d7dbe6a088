// SPDX-License-Identifier: Apache-2.0
// penstock rule test
#include <algorithm>
#include <string>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/flow/directory.h"
#include "engine/wire/rule_test.h"

#include "penstock/v1/flow_rules.grpc.pb.h"

#include "tools/penstock/decision_options.h"
#include "tools/penstock/direct_call.h"
#include "tools/penstock/input.h"
#include "tools/penstock/manifest_file.h"
#include "tools/penstock/names.h"
#include "tools/penstock/resources.h"
#include "tools/penstock/rule_text.h"
#include "tools/penstock/session.h"
#include "tools/penstock/system_clock.h"
#include "tools/penstock/trial_text.h"

namespace penstock::cli {
namespace {

using Kind = Parameter::Kind;

StatusOr<v1::TestFlowRulesRequest> RequestOf(const Arguments& arguments) {
  v1::TestFlowRulesRequest request;
  request.set_parent(RulesParent(arguments.Text("--org"), arguments.Text("--direction")));
  for (const std::string& address : arguments.List("--from"))
    request.add_from_addresses(address);
  for (const std::string& address : arguments.List("--sender"))
    request.add_sender_addresses(address);
  for (const std::string& address : arguments.List("--recipient"))
    request.add_recipients(address);
  if (arguments.Has("--eml")) {
    PENSTOCK_ASSIGN_OR_RETURN(*request.mutable_header_section(),
                              ReadHeader("--eml", arguments.Text("--eml")));
  }
  request.set_invoke(arguments.Has("--invoke"));
  const std::string mail_from = arguments.Text("--mail-from");
  if (mail_from != "<>") request.set_mail_from(mail_from);
  return request;
}

// Calls the hooks of the rules that win, each where the manifest says that it listens.
Status CallHooks(const flow::Directory& directory, const v1::TestFlowRulesRequest& request,
                 const std::string& organization, const rules::RuleSet& rules, bool strict,
                 v1::TestFlowRulesResponse& response) {
  const flow::OwnsDomain owns_domain = [&](std::string_view domain) {
    return directory.domains().OwnerOfDomain(domain) == organization;
  };
  PENSTOCK_ASSIGN_OR_RETURN(
      wire::PlannedTrials planned,
      wire::PlanTrials(rules, request, owns_domain, FreshMessageId(), FreshInvocationId));
  for (std::string& foreign : planned.foreign_recipients)
    response.add_foreign_recipients(std::move(foreign));
  for (const flow::Trial& trial : planned.trials) {
    // It is there and may be called: a manifest is read no other way (R12).
    const auto hook = directory.FindHook(trial.hook);
    *response.add_trials() = CallDirectly(*hook, trial, owns_domain, strict);
  }
  return OkStatus();
}

StatusOr<v1::TestFlowRulesResponse> TestManifest(Session& session, const Arguments& arguments,
                                                 const v1::TestFlowRulesRequest& request) {
  PENSTOCK_ASSIGN_OR_RETURN(const ManifestFile file, ReadManifestFile(session.output(), "--rules",
                                                                      arguments.Text("--rules")));
  const flow::DirectorySnapshot& directory = file.directory;
  const std::string organization = arguments.Text("--org");
  if (directory->FindOrganization(organization) == nullptr) {
    std::vector<std::string> known;
    for (const auto& [name, unused] : directory->organizations())
      known.push_back(name);
    return InvalidArgument(Cat("--org: there is no organization \"", Printable(organization),
                               "\" in ", file.name, "; there is ",
                               known.empty() ? "none" : Join(known, ", ")));
  }
  const auto rules = directory->Rules(organization, *DirectionOf(arguments));
  PENSTOCK_ASSIGN_OR_RETURN(v1::TestFlowRulesResponse response,
                            wire::TestFlowRules(*rules, request));
  if (request.invoke()) {
    PENSTOCK_RETURN_IF_ERROR(
        CallHooks(*directory, request, organization, *rules, arguments.Has("--strict"), response));
  }
  return response;
}

StatusOr<v1::TestFlowRulesResponse> TestDaemon(Session& session,
                                               const v1::TestFlowRulesRequest& request) {
  if (request.invoke()) session.client().AllowFor(limits::kTrialCallDeadlineMax);
  v1::TestFlowRulesResponse response;
  PENSTOCK_RETURN_IF_ERROR(session.client().Call<v1::FlowRuleService>(
      &v1::FlowRuleService::Stub::TestFlowRules, request, &response));
  return response;
}

std::string ResponseText(const v1::TestFlowRulesResponse& response) {
  std::string text = ExplanationText(response);
  if (response.foreign_recipients_size() > 0) {
    const std::vector<std::string> foreign(response.foreign_recipients().begin(),
                                           response.foreign_recipients().end());
    Append(text, "\nin no event, for no domain of the organization is theirs: ",
           TerminalText(Join(foreign, ", ")), "\n");
  }
  for (const v1::HookTrial& trial : response.trials())
    Append(text, "\n", TrialText(trial));
  return text;
}

Status Test(Session& session, const Arguments& arguments) {
  PENSTOCK_ASSIGN_OR_RETURN(const v1::TestFlowRulesRequest request, RequestOf(arguments));
  PENSTOCK_ASSIGN_OR_RETURN(const v1::TestFlowRulesResponse response,
                            arguments.Has("--rules") ? TestManifest(session, arguments, request)
                                                     : TestDaemon(session, request));
  PENSTOCK_RETURN_IF_ERROR(session.output().Show(response, [&] { return ResponseText(response); }));
  for (const v1::HookTrial& trial : response.trials())
    PENSTOCK_RETURN_IF_ERROR(FailureOf(trial));
  return OkStatus();
}

Status CheckTest(const Arguments& arguments) {
  const bool has_addresses = arguments.Has("--from") || arguments.Has("--sender");
  if (arguments.Has("--eml") && has_addresses) {
    return InvalidArgument("--eml and addresses exclude each other: the file has From and Sender");
  }
  if (arguments.Has("--mail-from") && !arguments.Has("--invoke")) {
    return InvalidArgument("--mail-from is for the event of --invoke; no rule looks at it");
  }
  if (arguments.Has("--strict") && !(arguments.Has("--invoke") && arguments.Has("--rules"))) {
    return InvalidArgument(
        "--strict is for --rules with --invoke; the daemon has it in its configuration");
  }
  if (arguments.Has("--invoke") && !arguments.Has("--eml") && !arguments.Has("--mail-from") &&
      !has_addresses) {
    return InvalidArgument(
        "--invoke needs --eml, --from or --mail-from: the event says who the mail is from");
  }
  return CheckOneStandardInput(arguments, "--rules", "--eml");
}

}  // namespace

std::vector<Command> RuleTestCommands() {
  return {{.words = "rule test",
           .summary = "Say which rule would win each recipient, and why the others do not",
           .details = "Nothing is sent. No hook is called, but with --invoke: then once, as for "
                      "mail; exit code 1 if that fails.",
           .example = "penstock rule test --direction inbound --from alice@example.org "
                      "--recipient bob@example.com",
           .parameters = {OrgOption(),
                          DirectionOption(),
                          {.name = "--from",
                           .value = "ADDRESS",
                           .help = "an address of the message's From field",
                           .repeated = true,
                           .field = "from_addresses"},
                          {.name = "--sender",
                           .value = "ADDRESS",
                           .help = "the address of its Sender field, which goes first",
                           .repeated = true,
                           .field = "sender_addresses"},
                          {.name = "--eml",
                           .value = "FILE",
                           .help = "instead of both: a message to read them from; '-': standard "
                                   "input",
                           .kind = Kind::kFile,
                           .field = "header_section"},
                          {.name = "--recipient",
                           .value = "ADDRESS",
                           .help = "who shall receive it",
                           .required = true,
                           .repeated = true,
                           .field = "recipients"},
                          {.name = "--rules",
                           .value = "FILE",
                           .help = "the rules of a manifest instead of the daemon's; '-': standard "
                                   "input",
                           .kind = Kind::kFile},
                          {.name = "--invoke",
                           .help = "call the hooks of the rules that win, and show what their "
                                   "answers come to"},
                          {.name = "--mail-from",
                           .value = "ADDRESS",
                           .help = "with --invoke: SMTP MAIL FROM, which the event names where the "
                                   "message has no From",
                           .field = "mail_from"},
                          StrictOption()},
           .check = CheckTest,
           .run = Test}};
}

}  // namespace penstock::cli
