// SPDX-License-Identifier: Apache-2.0
#include "engine/api/flow_rule_service.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/api/change.h"
#include "engine/api/hook_trial.h"
#include "engine/api/next_hop_check.h"
#include "engine/api/paging.h"
#include "engine/api/unary_call.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/rules/lint.h"
#include "engine/wire/convert_flow_rule.h"
#include "engine/wire/resource_name.h"
#include "engine/wire/rule_test.h"
#include "engine/wire/update.h"

#include "penstock/v1/flow_rules.grpc.pb.h"

namespace penstock::api {
namespace {

using flow::Directory;
using google::protobuf::Empty;
using rules::FlowDirection;
using rules::FlowRule;
using Change = runtime::DirectoryKeeper::Change;
using MakeChange = runtime::DirectoryKeeper::MakeChange;

StatusOr<FlowRule> Find(const Directory& directory, const wire::FlowRuleRef& ref) {
  const FlowRule* found = directory.FindRule(ref.organization, ref.direction, ref.rule);
  if (found != nullptr) return *found;
  const std::string_view word = ref.direction == FlowDirection::kInbound ? "inbound" : "outbound";
  return NotFound(Cat("there is no ", word, " rule \"", ref.rule, "\" in organization \"",
                      ref.organization, "\"; see them: penstock rule list --org ", ref.organization,
                      " --direction ", word));
}

StatusOr<FlowRule> FromCreate(const v1::CreateFlowRuleRequest& request) {
  PENSTOCK_ASSIGN_OR_RETURN(const wire::FlowRuleScope scope,
                            wire::ParseFlowRuleParent(request.parent(), wire::Wildcards::kRefused));
  const Status named = rules::CheckName("rule", request.flow_rule_id());
  if (!named.ok()) return Annotate(named, "flow_rule_id");
  const std::string name =
      wire::FlowRuleName(*scope.organization, *scope.direction, request.flow_rule_id());
  v1::FlowRule resource = request.flow_rule();
  if (!resource.name().empty() && resource.name() != name) {
    return InvalidArgument(Cat("flow_rule.name: \"", Printable(resource.name()), "\" is not \"",
                               name, "\", as parent and flow_rule_id say"));
  }
  resource.set_name(name);
  return wire::FromProto(resource);
}

// The rules of one organization, or of one direction of it.
std::vector<FlowRule> RulesOf(const Directory& directory, std::string_view organization,
                              std::optional<FlowDirection> only) {
  std::vector<FlowRule> rules;
  for (const FlowDirection direction : {FlowDirection::kInbound, FlowDirection::kOutbound}) {
    if (only && *only != direction) continue;
    for (const FlowRule* rule : directory.ListRules(organization, direction))
      rules.push_back(*rule);
  }
  return rules;
}

// What deserves a look about `rule`, and about its organization's quotas (R7, R13).
std::vector<std::string> WarningsAbout(const Directory& directory, const FlowRule& rule) {
  using Kind = rules::LintFinding::Kind;
  std::vector<std::string> warnings;
  const auto all = RulesOf(directory, rule.organization, std::nullopt);
  for (const rules::LintFinding& finding : rules::Lint(all)) {
    const bool is_same_direction = finding.direction == rule.direction;
    const bool is_about_it =
        finding.kind == Kind::kOrganizationQuota ||
        (is_same_direction && (finding.rule == rule.name || finding.other == rule.name));
    if (is_about_it) warnings.push_back(finding.text);
  }
  return warnings;
}

v1::FlowRule ToProtoWithWarnings(const Directory& directory, const FlowRule& rule) {
  v1::FlowRule resource = wire::ToProto(rule);
  for (std::string& warning : WarningsAbout(directory, rule))
    resource.add_warnings(std::move(warning));
  return resource;
}

Status CheckNextHop(const AdminContext& admin, const FlowRule& rule) {
  const std::string fault = NextHopCheck(admin).FaultOf(rule);
  return fault.empty() ? OkStatus() : FailedPrecondition(fault);
}

enum class Quotas { kWarn, kRefuse };

StatusOr<Change> Write(const Directory& now, const FlowRule& rule, Directory::Write write,
                       Quotas quotas) {
  PENSTOCK_ASSIGN_OR_RETURN(flow::DirectorySnapshot next, now.With(rule, write));
  if (quotas == Quotas::kRefuse) {
    PENSTOCK_RETURN_IF_ERROR(rules::CheckQuotas(RulesOf(*next, rule.organization, std::nullopt)));
  }
  return ChangeOf(std::move(next), rule, Fate::kStays);
}

class Service final : public v1::FlowRuleService::CallbackService {
 public:
  explicit Service(AdminContext& admin) : admin_(admin) {}

  grpc::ServerUnaryReactor* GetFlowRule(grpc::CallbackServerContext* context,
                                        const v1::GetFlowRuleRequest* request,
                                        v1::FlowRule* response) override {
    return RunUnary(admin_, context, response, Get(*request));
  }

  grpc::ServerUnaryReactor* ListFlowRules(grpc::CallbackServerContext* context,
                                          const v1::ListFlowRulesRequest* request,
                                          v1::ListFlowRulesResponse* response) override {
    return RunUnary(admin_, context, response, List(*request));
  }

  grpc::ServerUnaryReactor* CreateFlowRule(grpc::CallbackServerContext* context,
                                           const v1::CreateFlowRuleRequest* request,
                                           v1::FlowRule* response) override {
    return RunUnary(admin_, context, response, Create(*request, CallerOf(*context)));
  }

  grpc::ServerUnaryReactor* UpdateFlowRule(grpc::CallbackServerContext* context,
                                           const v1::UpdateFlowRuleRequest* request,
                                           v1::FlowRule* response) override {
    return RunUnary(admin_, context, response, Update(*request, CallerOf(*context)));
  }

  grpc::ServerUnaryReactor* DeleteFlowRule(grpc::CallbackServerContext* context,
                                           const v1::DeleteFlowRuleRequest* request,
                                           Empty* response) override {
    return RunUnary(admin_, context, response, Delete(*request, CallerOf(*context)));
  }

  grpc::ServerUnaryReactor* TestFlowRules(grpc::CallbackServerContext* context,
                                          const v1::TestFlowRulesRequest* request,
                                          v1::TestFlowRulesResponse* response) override {
    return RunUnary(admin_, context, response, Test(*request, context));
  }

 private:
  async::Task<v1::FlowRule> Get(const v1::GetFlowRuleRequest& request) {
    const flow::DirectorySnapshot directory = admin_.directory.Current();
    PENSTOCK_CO_ASSIGN_OR_RETURN(const wire::FlowRuleRef ref,
                                 wire::ParseFlowRuleName(request.name()));
    PENSTOCK_CO_ASSIGN_OR_RETURN(const FlowRule rule, Find(*directory, ref));
    co_return wire::ToProto(rule);
  }

  async::Task<v1::ListFlowRulesResponse> List(const v1::ListFlowRulesRequest& request) {
    const flow::DirectorySnapshot directory = admin_.directory.Current();
    PENSTOCK_CO_ASSIGN_OR_RETURN(
        const wire::FlowRuleScope scope,
        wire::ParseFlowRuleParent(request.parent(), wire::Wildcards::kTaken));
    PENSTOCK_CO_ASSIGN_OR_RETURN(const std::size_t rows, RowsOf(request.page_size()));
    PENSTOCK_CO_ASSIGN_OR_RETURN(const std::string after, ParsePageToken(request.page_token()));
    if (scope.organization && directory->FindOrganization(*scope.organization) == nullptr) {
      co_return NotFound(Cat("there is no organization \"", *scope.organization,
                             "\"; see them: penstock org list"));
    }
    auto named = NamedRules(*directory, scope, after);
    v1::ListFlowRulesResponse response;
    PageBounds page(rows);
    for (std::size_t i = 0; i < named.size(); ++i) {
      if (page.full()) {
        response.set_next_page_token(MakePageToken(named[i - 1].first));
        break;
      }
      *response.add_flow_rules() = wire::ToProto(*named[i].second);
      page.Count(response.flow_rules().rbegin()->ByteSizeLong());
    }
    co_return response;
  }

  // The rules behind `after`, by resource name.
  static std::vector<std::pair<std::string, const FlowRule*>> NamedRules(
      const Directory& directory, const wire::FlowRuleScope& scope, std::string_view after) {
    std::vector<std::pair<std::string, const FlowRule*>> named;
    for (const auto& [organization, unused] : directory.organizations()) {
      if (scope.organization && *scope.organization != organization) continue;
      for (const FlowDirection direction : {FlowDirection::kInbound, FlowDirection::kOutbound}) {
        if (scope.direction && *scope.direction != direction) continue;
        for (const FlowRule* rule : directory.ListRules(organization, direction)) {
          std::string name = wire::FlowRuleName(organization, direction, rule->name);
          if (name > after) named.emplace_back(std::move(name), rule);
        }
      }
    }
    std::sort(named.begin(), named.end());
    return named;
  }

  async::Task<v1::FlowRule> Create(const v1::CreateFlowRuleRequest& request, std::string who) {
    PENSTOCK_CO_ASSIGN_OR_RETURN(const FlowRule rule, FromCreate(request));
    PENSTOCK_CO_RETURN_IF_ERROR(CheckNextHop(admin_, rule));
    const Quotas quotas = request.compat() ? Quotas::kRefuse : Quotas::kWarn;
    MakeChange make = [&rule, quotas](const Directory& now) {
      return Write(now, rule, Directory::Write::kCreate, quotas);
    };
    const Status applied = co_await admin_.directory.Apply(std::move(make), std::move(who));
    PENSTOCK_CO_RETURN_IF_ERROR(applied);
    const flow::DirectorySnapshot directory = admin_.directory.Current();
    co_return ToProtoWithWarnings(*directory, rule);
  }

  async::Task<v1::FlowRule> Update(const v1::UpdateFlowRuleRequest& request, std::string who) {
    PENSTOCK_CO_ASSIGN_OR_RETURN(const wire::FlowRuleRef ref,
                                 wire::ParseFlowRuleName(request.flow_rule().name()));
    const Quotas quotas = request.compat() ? Quotas::kRefuse : Quotas::kWarn;
    FlowRule rule;
    MakeChange make = [&](const Directory& now) -> StatusOr<Change> {
      PENSTOCK_ASSIGN_OR_RETURN(const FlowRule before, Find(now, ref));
      v1::FlowRule merged = wire::ToProto(before);
      PENSTOCK_RETURN_IF_ERROR(wire::CheckEtag(request.flow_rule().etag(), merged.etag()));
      PENSTOCK_RETURN_IF_ERROR(
          wire::MergeUpdate(request.flow_rule(), request.update_mask(), &merged));
      PENSTOCK_ASSIGN_OR_RETURN(rule, wire::FromProto(merged));
      PENSTOCK_RETURN_IF_ERROR(CheckNextHop(admin_, rule));
      return Write(now, rule, Directory::Write::kReplace, quotas);
    };
    const Status applied = co_await admin_.directory.Apply(std::move(make), std::move(who));
    PENSTOCK_CO_RETURN_IF_ERROR(applied);
    const flow::DirectorySnapshot directory = admin_.directory.Current();
    co_return ToProtoWithWarnings(*directory, rule);
  }

  async::Task<Empty> Delete(const v1::DeleteFlowRuleRequest& request, std::string who) {
    PENSTOCK_CO_ASSIGN_OR_RETURN(const wire::FlowRuleRef ref,
                                 wire::ParseFlowRuleName(request.name()));
    MakeChange make = [&](const Directory& now) -> StatusOr<Change> {
      PENSTOCK_ASSIGN_OR_RETURN(FlowRule before, Find(now, ref));
      PENSTOCK_RETURN_IF_ERROR(wire::CheckEtag(request.etag(), wire::ToProto(before).etag()));
      PENSTOCK_ASSIGN_OR_RETURN(auto next,
                                now.WithoutRule(ref.organization, ref.direction, ref.rule));
      return ChangeOf(std::move(next), std::move(before), Fate::kRemoved);
    };
    const Status applied = co_await admin_.directory.Apply(std::move(make), std::move(who));
    PENSTOCK_CO_RETURN_IF_ERROR(applied);
    co_return Empty();
  }

  async::Task<v1::TestFlowRulesResponse> Test(const v1::TestFlowRulesRequest& request,
                                              const grpc::CallbackServerContext* context) {
    const flow::DirectorySnapshot directory = admin_.directory.Current();
    PENSTOCK_CO_ASSIGN_OR_RETURN(
        const wire::FlowRuleScope scope,
        wire::ParseFlowRuleParent(request.parent(), wire::Wildcards::kRefused));
    if (directory->FindOrganization(*scope.organization) == nullptr) {
      co_return NotFound(Cat("there is no organization \"", *scope.organization,
                             "\"; see them: penstock org list"));
    }
    const auto rules = directory->Rules(*scope.organization, *scope.direction);
    auto response = wire::TestFlowRules(*rules, request);
    if (!response.ok() || !request.invoke()) co_return response;
    auto new_invocation = [this] { return InvocationId(FormatHex(admin_.random.Bytes())); };
    PENSTOCK_CO_ASSIGN_OR_RETURN(
        wire::PlannedTrials planned,
        wire::PlanTrials(*rules, request, DomainsOf(directory, *scope.organization),
                         MessageId(FormatUuid(admin_.random.Bytes())), new_invocation));
    for (std::string& foreign : planned.foreign_recipients)
      response->add_foreign_recipients(std::move(foreign));
    for (flow::Trial& trial : planned.trials) {
      auto made = co_await RunTrial(admin_, *context, std::move(trial));
      PENSTOCK_CO_RETURN_IF_ERROR(made.status());
      *response->add_trials() = *std::move(made);
    }
    co_return response;
  }

  AdminContext& admin_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeFlowRuleService(AdminContext& admin) {
  return std::make_unique<Service>(admin);
}

}  // namespace penstock::api
