// SPDX-License-Identifier: Apache-2.0
#include "engine/api/organization_service.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/api/change.h"
#include "engine/api/organization_removal.h"
#include "engine/api/paging.h"
#include "engine/api/unary_call.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/mail/mailbox.h"
#include "engine/wire/convert_organization.h"
#include "engine/wire/resource_name.h"
#include "engine/wire/update.h"

#include "penstock/v1/organizations.grpc.pb.h"

namespace penstock::api {
namespace {

using flow::Directory;
using google::protobuf::Empty;
using rules::Organization;
using Change = runtime::DirectoryKeeper::Change;
using MakeChange = runtime::DirectoryKeeper::MakeChange;

StatusOr<Organization> Find(const Directory& directory, std::string_view id) {
  const Organization* found = directory.FindOrganization(id);
  if (found != nullptr) return *found;
  return NotFound(Cat("there is no organization \"", id, "\""));
}

StatusOr<Organization> FromCreate(const v1::CreateOrganizationRequest& request) {
  const Status named = rules::CheckName("organization", request.organization_id());
  if (!named.ok()) return Annotate(named, "organization_id");
  v1::Organization resource = request.organization();
  const std::string name = wire::OrganizationName(request.organization_id());
  if (!resource.name().empty() && resource.name() != name) {
    return InvalidArgument(Cat("organization.name: \"", Printable(resource.name()), "\" is not \"",
                               name, "\", as organization_id says"));
  }
  resource.set_name(name);
  return wire::FromProto(resource);
}

// O2: a domain belongs to one organization at most.
Status CheckDomains(const Directory& directory, const Organization& organization) {
  for (std::size_t i = 0; i < organization.domains.size(); ++i) {
    const std::string& domain = organization.domains[i];
    const std::string_view owner =
        directory.domains().OwnerOfDomain(mail::NormalizeDomain(domain).value_or(domain));
    if (owner.empty() || owner == organization.name) continue;
    return FailedPrecondition(
        Cat("domains[", i, "]: \"", domain, "\" belongs to organization \"", owner,
            "\"; take it away there first: penstock org remove-domain ", owner, " ", domain));
  }
  return OkStatus();
}

class Service final : public v1::OrganizationService::CallbackService {
 public:
  explicit Service(AdminContext& admin) : admin_(admin) {}

  grpc::ServerUnaryReactor* GetOrganization(grpc::CallbackServerContext* context,
                                            const v1::GetOrganizationRequest* request,
                                            v1::Organization* response) override {
    return RunUnary(admin_, context, response, Get(*request));
  }

  grpc::ServerUnaryReactor* ListOrganizations(grpc::CallbackServerContext* context,
                                              const v1::ListOrganizationsRequest* request,
                                              v1::ListOrganizationsResponse* response) override {
    return RunUnary(admin_, context, response, List(*request));
  }

  grpc::ServerUnaryReactor* CreateOrganization(grpc::CallbackServerContext* context,
                                               const v1::CreateOrganizationRequest* request,
                                               v1::Organization* response) override {
    return RunUnary(admin_, context, response, Create(*request, CallerOf(*context)));
  }

  grpc::ServerUnaryReactor* DeleteOrganization(grpc::CallbackServerContext* context,
                                               const v1::DeleteOrganizationRequest* request,
                                               Empty* response) override {
    return RunUnary(admin_, context, response, Delete(*request, CallerOf(*context)));
  }

  grpc::ServerUnaryReactor* AddDomain(grpc::CallbackServerContext* context,
                                      const v1::AddDomainRequest* request,
                                      v1::Organization* response) override {
    return RunUnary(
        admin_, context, response,
        ChangeDomain(request->name(), request->domain(), Domain::kAdd, CallerOf(*context)));
  }

  grpc::ServerUnaryReactor* RemoveDomain(grpc::CallbackServerContext* context,
                                         const v1::RemoveDomainRequest* request,
                                         v1::Organization* response) override {
    return RunUnary(
        admin_, context, response,
        ChangeDomain(request->name(), request->domain(), Domain::kRemove, CallerOf(*context)));
  }

 private:
  enum class Domain { kAdd, kRemove };

  async::Task<v1::Organization> Get(const v1::GetOrganizationRequest& request) {
    const flow::DirectorySnapshot directory = admin_.directory.Current();
    PENSTOCK_CO_ASSIGN_OR_RETURN(const std::string id, wire::ParseOrganizationName(request.name()));
    PENSTOCK_CO_ASSIGN_OR_RETURN(const Organization organization, Find(*directory, id));
    co_return wire::ToProto(organization);
  }

  async::Task<v1::ListOrganizationsResponse> List(const v1::ListOrganizationsRequest& request) {
    const flow::DirectorySnapshot directory = admin_.directory.Current();
    PENSTOCK_CO_ASSIGN_OR_RETURN(const std::size_t rows, RowsOf(request.page_size()));
    PENSTOCK_CO_ASSIGN_OR_RETURN(const std::string after, ParsePageToken(request.page_token()));
    v1::ListOrganizationsResponse response;
    const auto& all = directory->organizations();
    PageBounds page(rows);
    std::string last;
    for (auto it = all.upper_bound(after); it != all.end(); ++it) {
      if (page.full()) {
        response.set_next_page_token(MakePageToken(last));
        break;
      }
      *response.add_organizations() = wire::ToProto(it->second);
      page.Count(response.organizations().rbegin()->ByteSizeLong());
      last = it->first;
    }
    co_return response;
  }

  async::Task<v1::Organization> Create(const v1::CreateOrganizationRequest& request,
                                       std::string who) {
    PENSTOCK_CO_ASSIGN_OR_RETURN(const Organization organization, FromCreate(request));
    MakeChange make = [&organization](const Directory& now) -> StatusOr<Change> {
      PENSTOCK_RETURN_IF_ERROR(CheckDomains(now, organization));
      PENSTOCK_ASSIGN_OR_RETURN(auto next, now.With(organization, Directory::Write::kCreate));
      return ChangeOf(std::move(next), organization, Fate::kStays);
    };
    const Status applied = co_await admin_.directory.Apply(std::move(make), std::move(who));
    PENSTOCK_CO_RETURN_IF_ERROR(applied);
    co_return wire::ToProto(organization);
  }

  async::Task<Empty> Delete(const v1::DeleteOrganizationRequest& request, std::string who) {
    PENSTOCK_CO_ASSIGN_OR_RETURN(const std::string id, wire::ParseOrganizationName(request.name()));
    const Status removable = co_await CheckRemovable(admin_, id);
    PENSTOCK_CO_RETURN_IF_ERROR(removable);
    MakeChange make = [&](const Directory& now) -> StatusOr<Change> {
      PENSTOCK_ASSIGN_OR_RETURN(Organization before, Find(now, id));
      PENSTOCK_RETURN_IF_ERROR(wire::CheckEtag(request.etag(), wire::ToProto(before).etag()));
      if (!before.domains.empty()) {
        return FailedPrecondition(
            Cat("organization \"", id, "\" owns ", before.domains.size(),
                " domains, whose mail would be refused; take them away first: penstock org "
                "remove-domain ",
                id, " ", before.domains.front()));
      }
      PENSTOCK_ASSIGN_OR_RETURN(auto next, now.WithoutOrganization(id));
      return ChangeOf(std::move(next), std::move(before), Fate::kRemoved);
    };
    const Status applied = co_await admin_.directory.Apply(std::move(make), std::move(who));
    PENSTOCK_CO_RETURN_IF_ERROR(applied);
    co_return Empty();
  }

  async::Task<v1::Organization> ChangeDomain(const std::string& name, const std::string& given,
                                             Domain what, std::string who) {
    PENSTOCK_CO_ASSIGN_OR_RETURN(const std::string id, wire::ParseOrganizationName(name));
    auto normal = mail::NormalizeDomain(given);
    if (!normal.ok()) co_return Annotate(normal.status(), "domain");
    Organization organization;
    MakeChange make = [&](const Directory& now) -> StatusOr<Change> {
      PENSTOCK_ASSIGN_OR_RETURN(organization, Find(now, id));
      std::vector<std::string>& domains = organization.domains;
      const auto found = std::find_if(domains.begin(), domains.end(), [&](const std::string& one) {
        return mail::NormalizeDomain(one).value_or(one) == *normal;
      });
      if (what == Domain::kAdd) {
        if (found == domains.end()) domains.push_back(*normal);
      } else if (found == domains.end()) {
        return NotFound(Cat("organization \"", id, "\" does not own domain \"", *normal,
                            "\"; see its domains: penstock org show ", id));
      } else {
        domains.erase(found);
      }
      PENSTOCK_RETURN_IF_ERROR(CheckDomains(now, organization));
      PENSTOCK_ASSIGN_OR_RETURN(auto next, now.With(organization, Directory::Write::kReplace));
      return ChangeOf(std::move(next), organization, Fate::kStays);
    };
    const Status applied = co_await admin_.directory.Apply(std::move(make), std::move(who));
    PENSTOCK_CO_RETURN_IF_ERROR(applied);
    co_return wire::ToProto(organization);
  }

  AdminContext& admin_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeOrganizationService(AdminContext& admin) {
  return std::make_unique<Service>(admin);
}

}  // namespace penstock::api
