// SPDX-License-Identifier: Apache-2.0
// penstock hook
#include <algorithm>
#include <set>

#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/wire/convert_hook.h"
#include "engine/wire/proto_time.h"
#include "engine/wire/resource_name.h"

#include "penstock/v1/hooks.grpc.pb.h"

#include "tools/penstock/decision_options.h"
#include "tools/penstock/hook_options.h"
#include "tools/penstock/hook_reach.h"
#include "tools/penstock/hook_status_text.h"
#include "tools/penstock/names.h"
#include "tools/penstock/paged_list.h"
#include "tools/penstock/resources.h"
#include "tools/penstock/session.h"

namespace penstock::cli {
namespace {

using Stub = v1::HookRegistryService::Stub;
using Kind = Parameter::Kind;

Parameter Name() {
  return {.name = "NAME", .help = "the hook", .kind = Kind::kHook, .required = true};
}

std::string GrantsText(const v1::Permission& permission) {
  std::vector<std::string> words;
  for (const int grant : permission.grants()) {
    words.push_back(
        AsciiLower(v1::Permission::Grant_Name(static_cast<v1::Permission::Grant>(grant))));
  }
  return Join(words, ", ");
}

std::string DirectionsText(const v1::Permission& permission) {
  std::vector<std::string> words;
  for (const int direction : permission.directions()) {
    words.push_back(AsciiLower(
        v1::Event::FlowDirection_Name(static_cast<v1::Event::FlowDirection>(direction))));
  }
  return Join(words, ", ");
}

template <class Permissions>
std::string PermissionsText(const Permissions& permissions, std::string_view hook) {
  Table table({"STATEMENT", "ORGANIZATION", "MAY", "DIRECTIONS"});
  for (const v1::Permission& permission : permissions) {
    table.Add({permission.statement_id(), permission.organization(), GrantsText(permission),
               DirectionsText(permission)});
  }
  return table.ToText(Cat("no organization may call it; grant it: penstock hook add-permission ",
                          hook, " --statement-id ID --principal ORG"));
}

std::string SheetOf(const v1::Hook& hook) {
  Sheet sheet;
  sheet.Add("Hook", IdOf(hook.name()));
  sheet.Add("Target", hook.target());
  sheet.Add("Description", hook.description());
  sheet.Add("Encryption", hook.has_tls()              ? "TLS"
                          : hook.plain_text_allowed() ? "none, allowed beyond this machine"
                                                      : "none");
  sheet.Add("Event as JSON", hook.json() ? "yes" : "no");
  sheet.Add("On a stream", hook.stream() ? "yes, if it offers one" : "no");
  sheet.Add("SYNC deadline", wire::DurationText(wire::FromProto(hook.sync_deadline())));
  sheet.Add("ASYNC deadline", wire::DurationText(wire::FromProto(hook.async_deadline())));
  sheet.Add("ASYNC retries", Cat(hook.async_retries()));
  sheet.Add("Calls at a time", Cat(hook.max_concurrent_calls()));
  std::vector<std::string> labels;
  for (const auto& [key, value] : hook.labels())
    labels.push_back(Cat(key, "=", value));
  std::sort(labels.begin(), labels.end());
  sheet.Add("Labels", Join(labels, ", "));
  return Cat(sheet.ToText(), "\n", PermissionsText(hook.permissions(), IdOf(hook.name())));
}

// Says on the side whether the hook is there, as far as this process sees: it may be registered
// before it runs. From another machine the way is another than the daemon's.
void TellWhetherItIsThere(Session& session, const v1::Hook& hook) {
  const auto read = wire::FromProto(hook);
  if (!read.ok() || session.client().is_remote()) return;
  const auto found = ReachText(*read);
  if (found.ok()) {
    session.output().Tell(Cat("found at ", hook.target(), ": ", *found));
  } else if (found.status().code() == StatusCode::kUnavailable) {
    session.output().Warn(Cat("nobody answers at ", hook.target(),
                              " yet; once the hook runs: penstock hook check ", hook.target()));
  } else {
    session.output().Warn(
        Cat(hook.target(), " cannot be tried by this user: ", Message(found.status())));
  }
}

Status Register(Session& session, const Arguments& arguments) {
  v1::CreateHookRequest request;
  request.set_hook_id(arguments.Text("NAME"));
  FillHook(arguments, *request.mutable_hook());
  v1::Hook created;
  PENSTOCK_RETURN_IF_ERROR(
      session.client().Call<v1::HookRegistryService>(&Stub::CreateHook, request, &created));
  TellWhetherItIsThere(session, created);
  return session.output().Show(created, [&] {
    const std::string id = IdOf(created.name());
    return Cat("registered hook ", id, " at ", created.target(),
               "\nno organization may call it yet; grant it: penstock hook add-permission ", id,
               " --statement-id allow-default --principal default\n");
  });
}

Status Update(Session& session, const Arguments& arguments) {
  v1::UpdateHookRequest request;
  for (const std::string& field : FillHook(arguments, *request.mutable_hook()))
    request.mutable_update_mask()->add_paths(field);
  request.mutable_hook()->set_name(wire::HookName(arguments.Text("NAME")));
  v1::Hook updated;
  PENSTOCK_RETURN_IF_ERROR(
      session.client().Call<v1::HookRegistryService>(&Stub::UpdateHook, request, &updated));
  return session.output().Show(updated, [&] { return SheetOf(updated); });
}

Status CheckUpdate(const Arguments& arguments) {
  v1::Hook hook;
  if (!FillHook(arguments, hook).empty()) return OkStatus();
  return InvalidArgument("nothing to change; name at least one option, such as --target");
}

std::string PrincipalsText(const v1::Hook& hook) {
  std::set<std::string> principals;
  for (const v1::Permission& permission : hook.permissions())
    principals.insert(permission.organization());
  return principals.empty() ? "none" : Join({principals.begin(), principals.end()}, ", ");
}

std::string HookTable(const v1::ListHooksResponse& all) {
  Table table({"NAME", "TARGET", "ORGANIZATIONS", "STATE", "CALLS/S", "P50", "P99", "FAILED",
               "RUNNING", "QUEUED", "LAST ERROR"});
  for (int i = 0; i < all.hooks_size() && i < all.statuses_size(); ++i) {
    const v1::Hook& hook = all.hooks(i);
    const v1::HookStatus& status = all.statuses(i);
    table.Add({IdOf(hook.name()), hook.target(), PrincipalsText(hook), StateText(status),
               RateText(status), QuantileText(status.has_p50_duration(), status.p50_duration()),
               QuantileText(status.has_p99_duration(), status.p99_duration()),
               Cat(status.recent_failure_count()), Cat(status.running_call_count()),
               Cat(status.async_queue_count()),
               LastErrorText(status.last_error(), status.last_error_time())});
  }
  return table.ToText("no hooks; register one: penstock hook register NAME --target HOST:PORT");
}

Status List(Session& session, const Arguments&) {
  v1::ListHooksResponse all;
  v1::ListHooksRequest request;
  request.set_with_status(true);
  PENSTOCK_RETURN_IF_ERROR(ListPages<v1::HookRegistryService>(
      session, &Stub::ListHooks, request, &v1::ListHooksResponse::hooks_size, kAllRows, &all));
  return session.output().Show(all, [&] { return HookTable(all); });
}

Status Show(Session& session, const Arguments& arguments) {
  v1::GetHookRequest request;
  request.set_name(wire::HookName(arguments.Text("NAME")));
  v1::Hook hook;
  PENSTOCK_RETURN_IF_ERROR(
      session.client().Call<v1::HookRegistryService>(&Stub::GetHook, request, &hook));
  return session.output().Show(hook, [&] { return SheetOf(hook); });
}

Status Remove(Session& session, const Arguments& arguments) {
  v1::DeleteHookRequest request;
  request.set_name(wire::HookName(arguments.Text("NAME")));
  google::protobuf::Empty nothing;
  PENSTOCK_RETURN_IF_ERROR(
      session.client().Call<v1::HookRegistryService>(&Stub::DeleteHook, request, &nothing));
  return session.output().Show(nothing,
                               [&] { return Cat("removed hook ", arguments.Text("NAME"), "\n"); });
}

Status AddPermission(Session& session, const Arguments& arguments) {
  v1::AddPermissionRequest request;
  request.set_name(wire::HookName(arguments.Text("NAME")));
  v1::Permission& permission = *request.mutable_permission();
  permission.set_statement_id(arguments.Text("--statement-id"));
  permission.set_organization(arguments.Text("--principal"));
  permission.add_grants(v1::Permission::INVOKE);
  if (arguments.Has("--read")) permission.add_grants(v1::Permission::READ);
  if (arguments.Has("--replace")) permission.add_grants(v1::Permission::REPLACE);
  for (const std::string& direction : arguments.List("--direction")) {
    permission.add_directions(direction == "inbound" ? v1::Event::INBOUND : v1::Event::OUTBOUND);
  }
  v1::Hook changed;
  PENSTOCK_RETURN_IF_ERROR(
      session.client().Call<v1::HookRegistryService>(&Stub::AddPermission, request, &changed));
  return session.output().Show(
      changed, [&] { return PermissionsText(changed.permissions(), IdOf(changed.name())); });
}

Status RemovePermission(Session& session, const Arguments& arguments) {
  v1::RemovePermissionRequest request;
  request.set_name(wire::HookName(arguments.Text("NAME")));
  request.set_statement_id(arguments.Text("--statement-id"));
  v1::Hook changed;
  PENSTOCK_RETURN_IF_ERROR(
      session.client().Call<v1::HookRegistryService>(&Stub::RemovePermission, request, &changed));
  return session.output().Show(
      changed, [&] { return PermissionsText(changed.permissions(), IdOf(changed.name())); });
}

Status GetPolicy(Session& session, const Arguments& arguments) {
  v1::GetPolicyRequest request;
  request.set_name(wire::HookName(arguments.Text("NAME")));
  v1::Policy policy;
  PENSTOCK_RETURN_IF_ERROR(
      session.client().Call<v1::HookRegistryService>(&Stub::GetPolicy, request, &policy));
  return session.output().Show(
      policy, [&] { return PermissionsText(policy.permissions(), arguments.Text("NAME")); });
}

Parameter StatementId(std::string help) {
  return {.name = "--statement-id",
          .value = "ID",
          .help = std::move(help),
          .required = true,
          .field = "statement_id"};
}

std::vector<Command> PermissionCommands() {
  return {
      {.words = "hook add-permission",
       .summary = "Let an organization's rules call a hook",
       .details = "The hook may not read or replace message content unless the statement says so.",
       .example = "penstock hook add-permission disclaimer --statement-id allow-default "
                  "--principal default --read --replace --direction outbound",
       .parameters = {Name(),
                      StatementId("a name for the statement, to remove it by"),
                      {.name = "--principal",
                       .value = "ORG",
                       .help = "the organization that may call",
                       .kind = Kind::kOrganization,
                       .required = true,
                       .field = "organization"},
                      {.name = "--read", .help = "the hook may read message content"},
                      {.name = "--replace", .help = "the hook may replace message content"},
                      {.name = "--direction",
                       .value = "DIRECTION",
                       .help = "for mail of this direction alone",
                       .kind = Kind::kWord,
                       .repeated = true,
                       .words = {"inbound", "outbound"},
                       .field = "directions"}},
       .run = AddPermission},
      {.words = "hook remove-permission",
       .summary = "Withdraw a statement; takes effect at once",
       .example = "penstock hook remove-permission disclaimer --statement-id allow-default",
       .parameters = {Name(), StatementId("the statement")},
       .run = RemovePermission},
      {.words = "hook get-policy",
       .summary = "Show who may call a hook",
       .example = "penstock hook get-policy disclaimer --output json",
       .parameters = {Name()},
       .run = GetPolicy},
  };
}

}  // namespace

std::vector<Command> HookCommands() {
  std::vector<Command> commands = {
      {.words = "hook register",
       .summary = "Register a hook: a gRPC service that decides about messages",
       .details = "It need not run yet; what is found at its target is told on standard error. No "
                  "organization may call it before `hook add-permission`.",
       .example = "penstock hook register disclaimer --target 127.0.0.1:50051",
       .parameters = With({{.name = "NAME",
                            .help = "letters, digits, '-', '_', '.'",
                            .required = true,
                            .field = "hook_id"},
                           TargetOption(true)},
                          HookSettings()),
       .run = Register},
      {.words = "hook list",
       .summary = "List the hooks and how they fare",
       .details = "STATE is the connection that calls go by; CALLS/S, P50, P99 and FAILED are of "
                  "the last minute.",
       .example = "penstock hook list",
       .run = List},
      {.words = "hook show",
       .summary = "Show a hook and who may call it",
       .example = "penstock hook show disclaimer",
       .parameters = {Name()},
       .run = Show},
      {.words = "hook update",
       .summary = "Change a hook's settings; what is not named stays",
       .example = "penstock hook update disclaimer --target 127.0.0.1:50052",
       .parameters = With(With({Name(), TargetOption(false)}, HookSettings()), HookNegations()),
       .check = CheckUpdate,
       .run = Update},
      {.words = "hook remove",
       .summary = "Remove a hook with its permissions",
       .details = "Refused while a rule names it.",
       .example = "penstock hook remove disclaimer",
       .parameters = {Name()},
       .run = Remove},
  };
  commands.push_back(HookTailCommand());
  commands.push_back(HookCheckCommand());
  for (const auto& more : {PermissionCommands(), HookInvokeCommands()})
    commands.insert(commands.end(), more.begin(), more.end());
  return commands;
}

}  // namespace penstock::cli
