// SPDX-License-Identifier: Apache-2.0
#include "engine/rules/organization.h"

#include "engine/base/status_macros.h"
#include "engine/rules/flow_rule.h"
#include "engine/rules/pattern.h"

namespace penstock::rules {

StatusOr<DomainTable> DomainTable::Build(std::span<const Organization> organizations) {
  DomainTable table;
  StringMap<bool> names;
  for (const Organization& organization : organizations) {
    PENSTOCK_RETURN_IF_ERROR(CheckName("organization", organization.name));
    const std::string where = Cat("organization \"", organization.name, "\"");
    if (!names.emplace(organization.name, true).second) {
      return InvalidArgument(Cat(where, ": a second organization of that name"));
    }
    for (std::size_t i = 0; i < organization.domains.size(); ++i) {
      const StatusOr<std::string> domain = mail::NormalizeDomain(organization.domains[i]);
      if (!domain.ok()) return Annotate(domain.status(), Cat(where, ": domains[", i, "]"));
      const auto [owner, added] = table.owners_.emplace(*domain, organization.name);
      if (!added && owner->second != organization.name) {
        return AlreadyExists(Cat(where, ": domains[", i, "]: \"", *domain,
                                 "\" belongs to organization \"", owner->second, "\""));
      }
    }
  }
  return table;
}

std::string_view DomainTable::OwnerOfDomain(std::string_view normal_domain) const {
  const auto owner = owners_.find(normal_domain);
  return owner == owners_.end() ? std::string_view() : std::string_view(owner->second);
}

std::string_view DomainTable::Owner(const mail::Mailbox& mailbox) const {
  return OwnerOfKey(mailbox.Key());
}

std::string_view DomainTable::OwnerOfKey(std::string_view address_key) const {
  return OwnerOfDomain(DomainOfKey(address_key));
}

bool DomainTable::Owns(std::string_view organization, const mail::Mailbox& mailbox) const {
  return !organization.empty() && Owner(mailbox) == organization;
}

}  // namespace penstock::rules
