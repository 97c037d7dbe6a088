// SPDX-License-Identifier: Apache-2.0
// penstock hook check: whether a hook does what mail needs, before it gets any.
#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/nearest.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/wire/convert_hook.h"
#include "engine/wire/resource_name.h"

#include "tools/penstock/decision_options.h"
#include "tools/penstock/hook_check.h"
#include "tools/penstock/hook_options.h"
#include "tools/penstock/resources.h"
#include "tools/penstock/session.h"

namespace penstock::cli {
namespace {

using Kind = Parameter::Kind;

constexpr const char* kTarget = "TARGET";

StatusOr<HookCheckSettings> SettingsOf(const Arguments& arguments) {
  v1::Hook resource;
  FillHook(arguments, resource);
  resource.set_name(wire::HookName(arguments.Text("--as")));
  resource.set_target(arguments.Text(kTarget));
  const StatusOr<flow::Hook> hook = wire::FromProto(resource);
  if (!hook.ok()) return Annotate(hook.status(), kTarget);
  HookCheckSettings settings;
  settings.hook = *hook;
  settings.deadline = std::chrono::ceil<Milliseconds>(arguments.Duration("--deadline"));
  settings.organization = arguments.Text("--org");
  const std::vector<std::string> domains = arguments.List("--domain");
  settings.domain = domains.empty() ? "example.com" : domains.front();
  PENSTOCK_ASSIGN_OR_RETURN(settings.owns_domain, OwnsDomainOf(arguments));
  if (domains.empty()) {
    settings.owns_domain = [](std::string_view domain) { return domain == "example.com"; };
  }
  settings.strict = arguments.Has("--strict");
  settings.attempts = static_cast<int>(arguments.Number("--attempts"));
  settings.only = arguments.List("--only");
  return settings;
}

Status List(Session& session) {
  v1::HookCheckReport names;
  Table table({"CHECK", "WHAT IT IS"});
  for (const auto& [name, summary] : HookChecks()) {
    table.Add({name, summary});
    v1::HookCheck& check = *names.add_checks();
    check.set_name(name);
    check.set_summary(summary);
  }
  return session.output().Show(names, [&] { return table.ToText("none"); });
}

Status RunCheck(Session& session, const Arguments& arguments) {
  if (arguments.Has("--list")) return List(session);
  PENSTOCK_ASSIGN_OR_RETURN(const HookCheckSettings settings, SettingsOf(arguments));
  PENSTOCK_ASSIGN_OR_RETURN(const v1::HookCheckReport report, CheckHook(settings));
  const auto faulty = [&](const v1::HookCheck& check) {
    return check.result() == v1::HookCheck::FAILED ||
           (check.result() == v1::HookCheck::WARNED && arguments.Has("--warnings-fail"));
  };
  if (!WasReached(report)) {
    session.set_exit(Exit::kUnreachable);
  } else if (std::any_of(report.checks().begin(), report.checks().end(), faulty)) {
    session.set_exit(Exit::kRefused);
  }
  if (session.output().format() == Format::kJunit) {
    session.output().Print(HookCheckJunit(report));
    return OkStatus();
  }
  return session.output().Show(report, [&] { return HookCheckText(report); });
}

Status CheckLine(const Arguments& arguments) {
  if (arguments.Has("--list")) return OkStatus();
  if (!arguments.Has(kTarget)) {
    return InvalidArgument("TARGET is missing: where the hook listens, such as 127.0.0.1:50051");
  }
  if (arguments.Duration("--deadline") < limits::kAsyncCallDeadlineMin ||
      arguments.Duration("--deadline") > limits::kAsyncCallDeadlineMax) {
    return InvalidArgument(
        Cat("--deadline \"", Printable(arguments.Text("--deadline")), "\": expected 1s to 15m"));
  }
  if (arguments.Number("--attempts") > 1000) {
    return InvalidArgument("--attempts: expected at most 1000");
  }
  const auto checks = HookChecks();
  std::vector<std::string> names;
  for (const auto& [name, summary] : checks)
    names.push_back(name);
  for (const std::string& only : arguments.List("--only")) {
    if (std::find(names.begin(), names.end(), only) != names.end()) continue;
    const auto nearest = NearestWord(only, names);
    return InvalidArgument(Cat("--only \"", Printable(only), "\": there is no such check",
                               nearest ? Cat("; did you mean ", *nearest, "?")
                                       : "; see them: penstock hook check --list"));
  }
  return SettingsOf(arguments).status();
}

std::vector<Parameter> CheckParameters() {
  std::vector<Parameter> parameters = {
      {.name = kTarget, .help = "where the hook listens: HOST:PORT, unix:PATH", .field = "target"},
      {.name = "--only",
       .value = "CHECK",
       .help = "make this check alone, and see that the hook is there",
       .repeated = true},
      {.name = "--list", .help = "name the checks and make none"},
      {.name = "--deadline",
       .value = "DURATION",
       .help = "how long one SYNC call may take, 1s to 15m; mail gives it 15s",
       .kind = Kind::kDuration,
       .preset = Cat(limits::kSyncCallDeadline.count(), "s")},
      {.name = "--attempts",
       .value = "N",
       .help = "calls made while the hook says UNAVAILABLE, \"not yet\"; one a second",
       .kind = Kind::kCount,
       .preset = "1"},
      {.name = "--warnings-fail", .help = "exit code 1 for a warning as well"},
      {.name = "--as",
       .value = "NAME",
       .help = "the name that the hook is told is its own",
       .preset = "hook"},
      {.name = "--org",
       .value = "ORG",
       .help = "the organization that the hook is told",
       .preset = "default"},
      DomainOption(),
      StrictOption()};
  parameters[8].help =
      "a domain of the organization: recipients are in the first; example.com if not given";
  for (Parameter& parameter : CallSettings())
    parameters.push_back(std::move(parameter));
  return parameters;
}

}  // namespace

Command HookCheckCommand() {
  return {.words = "hook check",
          .summary = "Check that a hook does what mail needs, without mail and without a daemon",
          .details =
              "Calls the hook some 80 times, as mail does: what the hook counts, limits or writes "
              "has them too. Content is not offered, so reading and replacing are not tried. Exit "
              "code 1 if a check fails, 3 if the hook is not reachable. With --output junit: for "
              "a CI that reads JUnit.",
          .example = "penstock hook check 127.0.0.1:50051",
          .parameters = CheckParameters(),
          .formats = {"junit"},
          .check = CheckLine,
          .run = RunCheck};
}

}  // namespace penstock::cli
