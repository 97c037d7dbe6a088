// SPDX-License-Identifier: Apache-2.0
#include "engine/api/manifest_service.h"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/api/change_view.h"
#include "engine/api/next_hop_check.h"
#include "engine/api/organization_removal.h"
#include "engine/api/unary_call.h"
#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/flow/directory_difference.h"
#include "engine/rules/lint.h"
#include "engine/wire/manifest.h"
#include "engine/wire/update.h"

#include "penstock/v1/manifest.grpc.pb.h"

namespace penstock::api {
namespace {

using flow::Directory;
using Change = runtime::DirectoryKeeper::Change;
using MakeChange = runtime::DirectoryKeeper::MakeChange;

// The first lines of `text`, as many as an error may have.
std::string FirstLines(std::string_view text) {
  if (text.size() <= limits::kManifestFaultsOctets) return std::string(text);
  const std::size_t end = text.rfind('\n', limits::kManifestFaultsOctets);
  if (end == std::string_view::npos) return Printable(text, limits::kManifestFaultsOctets);
  return Cat(text.substr(0, end), "\nand further ones");
}

// What of one manifest is over the model's quotas (R13), its field first.
std::vector<std::string> QuotaFaults(const v1::Manifest& manifest, const Directory& directory) {
  std::vector<rules::FlowRule> rules;
  std::map<std::string, int> organizations;
  for (int i = 0; i < manifest.organizations_size(); ++i)
    organizations.emplace(manifest.organizations(i).name(), i);
  std::vector<std::string> faults;
  for (int i = 0; i < manifest.rules_size(); ++i) {
    const rules::FlowRule& rule = *wire::FindRule(directory, manifest.rules(i));
    for (const rules::LintFinding& finding : rules::FindQuotas({&rule, 1})) {
      if (finding.kind == rules::LintFinding::Kind::kRuleQuota)
        faults.push_back(Cat("rules[", i, "].sender_patterns: ", finding.text));
    }
    rules.push_back(rule);
  }
  for (const rules::LintFinding& finding : rules::FindQuotas(rules)) {
    if (finding.kind == rules::LintFinding::Kind::kOrganizationQuota) {
      faults.push_back(
          Cat("organizations[", organizations[finding.organization], "]: ", finding.text));
    }
  }
  return faults;
}

Status CheckNextHops(const AdminContext& admin, const v1::Manifest& manifest,
                     const Directory& directory) {
  const NextHopCheck next_hops(admin);
  std::string text;
  for (int i = 0; i < manifest.rules_size(); ++i) {
    const std::string fault = next_hops.FaultOf(*wire::FindRule(directory, manifest.rules(i)));
    if (fault.empty()) continue;
    Append(text, text.empty() ? "" : "\n", "rules[", i, "].", fault);
    if (text.size() > limits::kManifestFaultsOctets) break;
  }
  return text.empty() ? OkStatus() : FailedPrecondition(FirstLines(text));
}

void Warn(std::vector<std::string> warnings, v1::ApplyManifestResponse& response) {
  const std::size_t told = std::min(warnings.size(), limits::kManifestWarningsMax);
  for (std::size_t i = 0; i < told; ++i)
    response.add_warnings(std::move(warnings[i]));
  if (told < warnings.size()) {
    response.add_warnings(Cat("and ", warnings.size() - told, " more: penstock rule lint"));
  }
}

void Count(v1::Change::Kind kind, v1::ApplyManifestResponse& response) {
  if (kind == v1::Change::CREATED) response.set_created(response.created() + 1);
  if (kind == v1::Change::UPDATED) response.set_updated(response.updated() + 1);
  if (kind == v1::Change::REMOVED) response.set_removed(response.removed() + 1);
}

// Fills in what is different, and returns it as the keeper takes it.
std::vector<ports::ResourceChange> Compare(const Directory& now, const Directory& next,
                                           v1::ApplyManifestResponse& response) {
  std::vector<ports::ResourceChange> resources;
  std::size_t octets = 0;
  for (flow::ResourceDifference& difference : flow::Difference(now, next)) {
    v1::Change view = ViewChange(difference.before, difference.after);
    Count(view.kind(), response);
    octets += view.ByteSizeLong();
    if (octets <= limits::kListPageOctets) *response.add_changes() = std::move(view);
    ports::ResourceChange change;
    change.removed = !difference.after;
    change.resource = std::move(change.removed ? *difference.before : *difference.after);
    resources.push_back(std::move(change));
  }
  return resources;
}

class Service final : public v1::ManifestService::CallbackService {
 public:
  explicit Service(AdminContext& admin) : admin_(admin) {}

  grpc::ServerUnaryReactor* ApplyManifest(grpc::CallbackServerContext* context,
                                          const v1::ApplyManifestRequest* request,
                                          v1::ApplyManifestResponse* response) override {
    return RunUnary(admin_, context, response, Apply(*request, CallerOf(*context)));
  }

  grpc::ServerUnaryReactor* ExportManifest(grpc::CallbackServerContext* context,
                                           const v1::ExportManifestRequest* /*request*/,
                                           v1::ExportManifestResponse* response) override {
    return RunUnary(admin_, context, response, Export());
  }

 private:
  async::Task<v1::ApplyManifestResponse> Apply(const v1::ApplyManifestRequest& request,
                                               std::string who) {
    if (request.manifest().organizations().empty() && !request.allow_empty()) {
      co_return InvalidArgument(
          "organizations: none; applied, this removes everything that is set up; if that is "
          "meant: penstock apply --allow-empty");
    }
    const Status removable = co_await CheckRemoved(request.manifest());
    PENSTOCK_CO_RETURN_IF_ERROR(removable);
    v1::ApplyManifestResponse response;
    MakeChange make = [&](const Directory& now) { return Make(now, request, response); };
    const Status applied = co_await admin_.directory.Apply(std::move(make), std::move(who));
    PENSTOCK_CO_RETURN_IF_ERROR(applied);
    co_return response;
  }

  // Organizations do not go while something is left of them.
  async::Task<void> CheckRemoved(const v1::Manifest& manifest) {
    std::set<std::string> stay;
    for (const v1::Organization& organization : manifest.organizations())
      stay.insert(organization.name());
    const flow::DirectorySnapshot directory = admin_.directory.Current();
    for (const auto& [name, organization] : directory->organizations()) {
      if (stay.contains(name)) continue;
      const Status removable = co_await CheckRemovable(admin_, name);
      PENSTOCK_CO_RETURN_IF_ERROR(Annotate(removable, "organizations"));
    }
    co_return OkStatus();
  }

  StatusOr<Change> Make(const Directory& now, const v1::ApplyManifestRequest& request,
                        v1::ApplyManifestResponse& response) const {
    const std::string etag = wire::Etag(wire::ToProto(now));
    PENSTOCK_RETURN_IF_ERROR(wire::CheckEtag(request.etag(), etag));
    const auto read = wire::FromProto(request.manifest());
    if (!read.ok()) return MakeStatus(read.status().code(), FirstLines(Message(read.status())));
    PENSTOCK_RETURN_IF_ERROR(CheckNextHops(admin_, request.manifest(), **read));
    std::vector<std::string> quotas = QuotaFaults(request.manifest(), **read);
    if (request.compat() && !quotas.empty()) return InvalidArgument(FirstLines(Join(quotas, "\n")));
    Warn(std::move(quotas), response);
    Change change;
    change.resources = Compare(now, **read, response);
    if (request.validate_only()) {
      response.set_etag(etag);
      return Change();
    }
    response.set_etag(wire::Etag(wire::ToProto(**read)));
    change.next = *read;
    return change;
  }

  async::Task<v1::ExportManifestResponse> Export() {
    const flow::DirectorySnapshot directory = admin_.directory.Current();
    v1::ExportManifestResponse response;
    *response.mutable_manifest() = wire::ToProto(*directory);
    response.set_etag(wire::Etag(response.manifest()));
    const std::size_t octets = response.ByteSizeLong();
    if (octets > static_cast<std::size_t>(limits::kAdminMessageOctetsMax)) {
      co_return ResourceExhausted(Cat("the manifest takes ", octets, " octets, over the ",
                                      limits::kAdminMessageOctetsMax,
                                      " of one answer; list what there is: penstock rule list"));
    }
    co_return response;
  }

  AdminContext& admin_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeManifestService(AdminContext& admin) {
  return std::make_unique<Service>(admin);
}

}  // namespace penstock::api
