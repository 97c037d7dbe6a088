// SPDX-License-Identifier: Apache-2.0
// penstock org
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/wire/resource_name.h"

#include "penstock/v1/organizations.grpc.pb.h"

#include "tools/penstock/names.h"
#include "tools/penstock/paged_list.h"
#include "tools/penstock/resources.h"
#include "tools/penstock/session.h"

namespace penstock::cli {
namespace {

using Stub = v1::OrganizationService::Stub;
using Kind = Parameter::Kind;

Parameter Name() {
  return {
      .name = "NAME", .help = "the organization", .kind = Kind::kOrganization, .required = true};
}

Parameter Domains(bool required) {
  return {.name = required ? "DOMAIN" : "--domain",
          .value = required ? "" : "DOMAIN",
          .help = "a domain that it owns; subdomains are not included",
          .required = required,
          .repeated = true,
          .field = required ? "domain" : "domains"};
}

std::string DomainsText(const v1::Organization& organization) {
  return Join({organization.domains().begin(), organization.domains().end()}, ", ");
}

std::string SheetOf(const v1::Organization& organization) {
  Sheet sheet;
  sheet.Add("Organization", IdOf(organization.name()));
  sheet.Add("Domains", organization.domains().empty() ? "none" : DomainsText(organization));
  return sheet.ToText();
}

Status Create(Session& session, const Arguments& arguments) {
  v1::CreateOrganizationRequest request;
  request.set_organization_id(arguments.Text("NAME"));
  for (const std::string& domain : arguments.List("--domain"))
    request.mutable_organization()->add_domains(domain);
  v1::Organization created;
  PENSTOCK_RETURN_IF_ERROR(
      session.client().Call<v1::OrganizationService>(&Stub::CreateOrganization, request, &created));
  return session.output().Show(created, [&] {
    return Cat("created organization ", IdOf(created.name()),
               created.domains().empty() ? "; it owns no domain yet: penstock org add-domain " +
                                               IdOf(created.name()) + " DOMAIN"
                                         : " with " + DomainsText(created),
               "\n");
  });
}

Status List(Session& session, const Arguments&) {
  v1::ListOrganizationsResponse all;
  v1::ListOrganizationsRequest request;
  PENSTOCK_RETURN_IF_ERROR(ListPages<v1::OrganizationService>(
      session, &Stub::ListOrganizations, request,
      &v1::ListOrganizationsResponse::organizations_size, kAllRows, &all));
  return session.output().Show(all, [&] {
    Table table({"NAME", "DOMAINS"});
    for (const v1::Organization& organization : all.organizations())
      table.Add({IdOf(organization.name()), DomainsText(organization)});
    return table.ToText("no organizations");
  });
}

Status Show(Session& session, const Arguments& arguments) {
  v1::GetOrganizationRequest request;
  request.set_name(wire::OrganizationName(arguments.Text("NAME")));
  v1::Organization organization;
  PENSTOCK_RETURN_IF_ERROR(session.client().Call<v1::OrganizationService>(&Stub::GetOrganization,
                                                                          request, &organization));
  return session.output().Show(organization, [&] { return SheetOf(organization); });
}

Status Delete(Session& session, const Arguments& arguments) {
  v1::DeleteOrganizationRequest request;
  request.set_name(wire::OrganizationName(arguments.Text("NAME")));
  google::protobuf::Empty nothing;
  PENSTOCK_RETURN_IF_ERROR(
      session.client().Call<v1::OrganizationService>(&Stub::DeleteOrganization, request, &nothing));
  return session.output().Show(
      nothing, [&] { return Cat("deleted organization ", arguments.Text("NAME"), "\n"); });
}

// One call a domain: those before one that is refused stay changed, and it is named.
template <class Request>
Status ChangeDomains(Session& session, const Arguments& arguments,
                     grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                  v1::Organization*)) {
  Request request;
  request.set_name(wire::OrganizationName(arguments.Text("NAME")));
  v1::Organization changed;
  for (const std::string& domain : arguments.List("DOMAIN")) {
    request.set_domain(domain);
    PENSTOCK_RETURN_IF_ERROR(
        session.client().Call<v1::OrganizationService>(method, request, &changed));
  }
  return session.output().Show(changed, [&] { return SheetOf(changed); });
}

Status AddDomain(Session& session, const Arguments& arguments) {
  return ChangeDomains(session, arguments, &Stub::AddDomain);
}

Status RemoveDomain(Session& session, const Arguments& arguments) {
  return ChangeDomains(session, arguments, &Stub::RemoveDomain);
}

}  // namespace

std::vector<Command> OrgCommands() {
  return {
      {.words = "org create",
       .summary = "Create an organization",
       .example = "penstock org create acme --domain acme.example",
       .parameters = {{.name = "NAME",
                       .help = "letters, digits, '-', '_', '.'",
                       .required = true,
                       .field = "organization_id"},
                      Domains(false)},
       .run = Create},
      {.words = "org list",
       .summary = "List the organizations",
       .example = "penstock org list --output json",
       .run = List},
      {.words = "org show",
       .summary = "Show an organization and its domains",
       .example = "penstock org show default",
       .parameters = {Name()},
       .run = Show},
      {.words = "org delete",
       .summary = "Delete an organization",
       .details = "Refused while it has rules, permissions or open messages.",
       .example = "penstock org delete acme",
       .parameters = {Name()},
       .run = Delete},
      {.words = "org add-domain",
       .summary = "Say that an organization owns a domain",
       .details = "The domains decide what is internal. A domain belongs to one organization.",
       .example = "penstock org add-domain default example.com",
       .parameters = {Name(), Domains(true)},
       .run = AddDomain},
      {.words = "org remove-domain",
       .summary = "Say that an organization no longer owns a domain",
       .example = "penstock org remove-domain default example.com",
       .parameters = {Name(), Domains(true)},
       .run = RemoveDomain},
  };
}

}  // namespace penstock::cli
