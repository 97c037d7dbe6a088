// SPDX-License-Identifier: Apache-2.0
// penstock rule

#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/wire/proto_time.h"

#include "penstock/v1/flow_rules.grpc.pb.h"

#include "tools/penstock/decision_options.h"
#include "tools/penstock/names.h"
#include "tools/penstock/paged_list.h"
#include "tools/penstock/resources.h"
#include "tools/penstock/rule_text.h"
#include "tools/penstock/session.h"

namespace penstock::cli {
namespace {

using Stub = v1::FlowRuleService::Stub;
using Kind = Parameter::Kind;

Parameter Name() {
  return {.name = "NAME", .help = "the rule", .kind = Kind::kRule, .required = true};
}

Parameter Patterns(std::string name, std::string help, bool required) {
  const std::string field = name == "--sender" ? "sender_patterns" : "recipient_patterns";
  return {.name = std::move(name),
          .value = "PATTERN",
          .help = std::move(help),
          .required = required,
          .repeated = true,
          .field = field};
}

// What `rule create` and `rule update` say about a rule.
std::vector<Parameter> Settings(bool create) {
  const std::vector<Parameter> action = {
      Patterns("--sender", "who sends: user@example.com, example.com, *.example.com or '*'",
               create),
      Patterns("--recipient", "who receives, likewise; '*' alone for a SYNC hook", create),
      {.name = "--action",
       .value = "ACTION",
       .help = "what happens",
       .kind = Kind::kWord,
       .words = ActionWords(),
       .field = "verdict.action"},
      {.name = "--gateway",
       .value = "NEXT_HOP",
       .help = "with route-to-gateway: a next hop of the configuration",
       .field = "verdict.gateway"},
      {.name = "--bounce-message",
       .value = "TEXT",
       .help = "with bounce: text for the sender",
       .field = "verdict.bounce_message"},
      {.name = "--hook",
       .value = "HOOK",
       .help = "instead of --action: the hook that decides",
       .kind = Kind::kHook,
       .field = "run_hook.hook"},
      {.name = "--mode",
       .value = "MODE",
       .help = "with --hook: whether the message waits for the answer",
       .kind = Kind::kWord,
       .words = {"sync", "async"},
       .field = "run_hook.mode"},
  };
  const std::vector<Parameter> rest = {
      {.name = "--timeout",
       .value = "DURATION",
       .help = "with sync: how long a failing hook is asked again, 0m to 240m; 0m if not given",
       .kind = Kind::kDuration,
       .field = "run_hook.rule_timeout"},
      {.name = "--description",
       .value = "TEXT",
       .help = "words of your own",
       .field = "description"},
      {.name = "--compat", .help = "refuse what is over WorkMail's quotas instead of warning"},
  };
  return With(With(action, FallbackOptions("with sync: what happens if the hook does not answer in "
                                           "time",
                                           "run_hook.fallback")),
              rest);
}

std::string ParentOf(const Arguments& arguments) {
  return RulesParent(arguments.Text("--org"), arguments.Text("--direction"));
}

std::string NameOf(const Arguments& arguments) {
  return Cat(ParentOf(arguments), "/flowRules/", arguments.Text("NAME"));
}

// Sets what the command line names of `rule`; what it does not name stays.
void Fill(const Arguments& arguments, v1::FlowRule& rule) {
  if (arguments.Has("--sender")) {
    rule.clear_sender_patterns();
    for (const std::string& pattern : arguments.List("--sender"))
      rule.add_sender_patterns(pattern);
  }
  if (arguments.Has("--recipient")) {
    rule.clear_recipient_patterns();
    for (const std::string& pattern : arguments.List("--recipient"))
      rule.add_recipient_patterns(pattern);
  }
  if (arguments.Has("--description")) rule.set_description(arguments.Text("--description"));
  if (arguments.Has("--action")) {
    *rule.mutable_verdict() = VerdictOf(arguments, "--", "--action");
    return;
  }
  if (arguments.Has("--gateway")) {
    rule.mutable_verdict()->set_gateway(arguments.Text("--gateway"));
  }
  if (arguments.Has("--bounce-message")) {
    rule.mutable_verdict()->set_bounce_message(arguments.Text("--bounce-message"));
  }
  if (arguments.Has("--hook")) rule.mutable_run_hook()->set_hook(arguments.Text("--hook"));
  if (arguments.Has("--mode")) {
    rule.mutable_run_hook()->set_mode(
        arguments.Text("--mode") == "sync" ? v1::InvokeRequest::SYNC : v1::InvokeRequest::ASYNC);
    if (arguments.Text("--mode") == "async") {
      rule.mutable_run_hook()->clear_fallback();
      rule.mutable_run_hook()->clear_rule_timeout();
    }
  }
  if (arguments.Has("--fallback")) {
    *rule.mutable_run_hook()->mutable_fallback() =
        VerdictOf(arguments, "--fallback-", "--fallback");
  }
  if (arguments.Has("--timeout")) {
    *rule.mutable_run_hook()->mutable_rule_timeout() =
        wire::ToProto(arguments.Duration("--timeout"));
  }
}

// Options that say something about a hook, and those about an action of the rule's own.
constexpr const char* kHookOptions[] = {
    "--hook",   "--mode", "--fallback", "--fallback-gateway", "--fallback-bounce-message",
    "--timeout"};
constexpr const char* kActionOptions[] = {"--action", "--gateway", "--bounce-message"};

template <std::size_t N>
const char* FirstGiven(const Arguments& arguments, const char* const (&names)[N]) {
  for (const char* name : names) {
    if (arguments.Has(name)) return name;
  }
  return nullptr;
}

Status CheckSettings(const Arguments& arguments) {
  const char* of_hook = FirstGiven(arguments, kHookOptions);
  const char* of_action = FirstGiven(arguments, kActionOptions);
  if (of_hook != nullptr && of_action != nullptr) {
    return InvalidArgument(Cat(of_action, " and ", of_hook,
                               " exclude each other: a rule acts by itself or asks a hook"));
  }
  const bool async = arguments.Text("--mode") == "async";
  for (const char* name : {"--fallback", "--timeout"}) {
    if (async && arguments.Has(name)) {
      return InvalidArgument(Cat(name, " is for --mode sync; delivery never waits for async"));
    }
  }
  return CheckFallbackOptions(arguments);
}

Status CheckCreate(const Arguments& arguments) {
  PENSTOCK_RETURN_IF_ERROR(CheckSettings(arguments));
  if (!arguments.Has("--action") && !arguments.Has("--hook")) {
    return InvalidArgument("what shall happen? give --action ACTION, or --hook HOOK --mode MODE");
  }
  if (!arguments.Has("--hook")) return OkStatus();
  if (!arguments.Has("--mode")) {
    return InvalidArgument("--mode is missing; it is one of sync, async");
  }
  if (arguments.Text("--mode") == "sync" && !arguments.Has("--fallback")) {
    return InvalidArgument(
        Cat("--fallback is missing: what happens if the hook does not answer; it is one of ",
            Join(ActionWords(), ", ")));
  }
  return OkStatus();
}

Status CheckUpdate(const Arguments& arguments) {
  PENSTOCK_RETURN_IF_ERROR(CheckSettings(arguments));
  for (const Parameter& parameter : Settings(false)) {
    if (parameter.name != "--compat" && arguments.Has(parameter.name)) return OkStatus();
  }
  return InvalidArgument("nothing to change; name at least one option, such as --sender");
}

Status ShowChanged(Session& session, const v1::FlowRule& rule, std::string_view done) {
  for (const std::string& warning : rule.warnings())
    session.output().Warn(warning);
  return session.output().Show(rule,
                               [&] { return Cat(done, " rule ", RuleText(rule.name()), "\n"); });
}

Status Create(Session& session, const Arguments& arguments) {
  v1::CreateFlowRuleRequest request;
  request.set_parent(ParentOf(arguments));
  request.set_flow_rule_id(arguments.Text("NAME"));
  request.set_compat(arguments.Has("--compat"));
  Fill(arguments, *request.mutable_flow_rule());
  v1::FlowRule created;
  PENSTOCK_RETURN_IF_ERROR(
      session.client().Call<v1::FlowRuleService>(&Stub::CreateFlowRule, request, &created));
  return ShowChanged(session, created, "created");
}

StatusOr<v1::FlowRule> Get(Session& session, const Arguments& arguments) {
  v1::GetFlowRuleRequest request;
  request.set_name(NameOf(arguments));
  v1::FlowRule rule;
  PENSTOCK_RETURN_IF_ERROR(
      session.client().Call<v1::FlowRuleService>(&Stub::GetFlowRule, request, &rule));
  return rule;
}

// Reads the rule, changes it and writes all of it back under its etag: the action is one thing, of
// which the line may name a part.
Status Update(Session& session, const Arguments& arguments) {
  PENSTOCK_ASSIGN_OR_RETURN(v1::FlowRule rule, Get(session, arguments));
  Fill(arguments, rule);
  v1::UpdateFlowRuleRequest request;
  *request.mutable_flow_rule() = std::move(rule);
  request.mutable_update_mask()->add_paths(
      std::string(1, '*'));  // -Wrestrict is wrong of a literal
  request.set_compat(arguments.Has("--compat"));
  v1::FlowRule updated;
  PENSTOCK_RETURN_IF_ERROR(
      session.client().Call<v1::FlowRuleService>(&Stub::UpdateFlowRule, request, &updated));
  return ShowChanged(session, updated, "updated");
}

Status List(Session& session, const Arguments& arguments) {
  const auto or_all = [&](const char* name) {
    return arguments.Has(name) ? arguments.Text(name) : "-";
  };
  v1::ListFlowRulesResponse all;
  v1::ListFlowRulesRequest request;
  request.set_parent(RulesParent(or_all("--org"), or_all("--direction")));
  PENSTOCK_RETURN_IF_ERROR(
      ListPages<v1::FlowRuleService>(session, &Stub::ListFlowRules, request,
                                     &v1::ListFlowRulesResponse::flow_rules_size, kAllRows, &all));
  return session.output().Show(all, [&] { return RuleTable(all); });
}

Status Show(Session& session, const Arguments& arguments) {
  PENSTOCK_ASSIGN_OR_RETURN(const v1::FlowRule rule, Get(session, arguments));
  return session.output().Show(rule, [&] { return RuleSheet(rule); });
}

Status Delete(Session& session, const Arguments& arguments) {
  v1::DeleteFlowRuleRequest request;
  request.set_name(NameOf(arguments));
  google::protobuf::Empty nothing;
  PENSTOCK_RETURN_IF_ERROR(
      session.client().Call<v1::FlowRuleService>(&Stub::DeleteFlowRule, request, &nothing));
  return session.output().Show(
      nothing, [&] { return Cat("deleted rule ", RuleText(request.name()), "\n"); });
}

}  // namespace

std::vector<Command> RuleCommands() {
  Parameter any_org = OrgOption();
  any_org.preset.clear();
  any_org.help += "; else of all";
  Parameter any_direction = DirectionOption();
  any_direction.required = false;
  std::vector<Command> commands = {
      {.words = "rule create",
       .summary = "Create a flow rule; takes effect at once",
       .details = "The most specific rule wins a recipient; there is no order of rules.",
       .example = "penstock rule create disclaimer --direction outbound --sender '*' "
                  "--recipient '*' --hook disclaimer --mode sync --fallback default --timeout 10m",
       .parameters = With({{.name = "NAME",
                            .help = "letters, digits, '-', '_', '.'",
                            .required = true,
                            .field = "flow_rule_id"},
                           OrgOption(),
                           DirectionOption()},
                          Settings(true)),
       .check = CheckCreate,
       .run = Create},
      {.words = "rule list",
       .summary = "List the flow rules",
       .example = "penstock rule list --direction inbound",
       .parameters = {any_org, any_direction},
       .run = List},
      {.words = "rule show",
       .summary = "Show a flow rule",
       .example = "penstock rule show disclaimer --direction outbound",
       .parameters = {Name(), OrgOption(), DirectionOption()},
       .run = Show},
      {.words = "rule update",
       .summary = "Change a flow rule; what is not named stays",
       .details = "A list of patterns is replaced as a whole.",
       .example = "penstock rule update disclaimer --direction outbound --timeout 30m",
       .parameters = With({Name(), OrgOption(), DirectionOption()}, Settings(false)),
       .check = CheckUpdate,
       .run = Update},
      {.words = "rule delete",
       .summary = "Delete a flow rule; takes effect at once",
       .example = "penstock rule delete disclaimer --direction outbound",
       .parameters = {Name(), OrgOption(), DirectionOption()},
       .run = Delete},
  };
  const std::vector<Command> test = RuleTestCommands();
  commands.insert(commands.end(), test.begin(), test.end());
  commands.push_back(LintCommand());
  return commands;
}

}  // namespace penstock::cli
