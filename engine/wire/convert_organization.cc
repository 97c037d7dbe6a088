// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/convert_organization.h"

#include <set>
#include <string>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/mail/mailbox.h"
#include "engine/wire/resource_name.h"
#include "engine/wire/update.h"

#include "penstock/v1/organizations.pb.h"

namespace penstock::wire {

v1::Organization ToProto(const rules::Organization& organization) {
  v1::Organization out;
  out.set_name(OrganizationName(organization.name));
  std::set<std::string> domains;
  for (const std::string& domain : organization.domains) {
    domains.insert(mail::NormalizeDomain(domain).value_or(domain));
  }
  for (const std::string& domain : domains)
    out.add_domains(domain);
  out.set_etag(Etag(out));
  return out;
}

StatusOr<rules::Organization> FromProto(const v1::Organization& organization) {
  rules::Organization out;
  PENSTOCK_ASSIGN_OR_RETURN(out.name, ParseOrganizationName(organization.name()));
  std::set<std::string> domains;
  for (int i = 0; i < organization.domains_size(); ++i) {
    StatusOr<std::string> domain = mail::NormalizeDomain(organization.domains(i));
    if (!domain.ok()) return Annotate(domain.status(), Cat("domains[", i, "]"));
    domains.insert(*std::move(domain));
  }
  out.domains.assign(domains.begin(), domains.end());
  return out;
}

}  // namespace penstock::wire
