// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/directory_difference.h"

#include <memory>
#include <set>
#include <string>
#include <utility>

#include "engine/mail/mailbox.h"

namespace penstock::flow {
namespace {

using rules::FlowDirection;
using rules::FlowRule;
using rules::Organization;

std::set<std::string> NormalDomains(const Organization& organization) {
  std::set<std::string> domains;
  for (const std::string& domain : organization.domains)
    domains.insert(mail::NormalizeDomain(domain).value_or(domain));
  return domains;
}

bool AreEqual(const Organization& a, const Organization& b) {
  return NormalDomains(a) == NormalDomains(b);
}

bool AreEqual(const Hook& a, const Hook& b) {
  return a == b;
}

bool AreEqual(const FlowRule& a, const FlowRule& b) {
  return a == b;
}

const Organization& ResourceOf(const std::pair<const std::string, Organization>& entry) {
  return entry.second;
}

const Hook& ResourceOf(const std::pair<const std::string, std::shared_ptr<const Hook>>& entry) {
  return *entry.second;
}

const FlowRule& ResourceOf(const FlowRule* rule) {
  return *rule;
}

// Both ranges are in byte order of their resources' names.
template <class Range>
void Compare(const Range& before, const Range& after, std::vector<ResourceDifference>& out) {
  auto old = before.begin();
  auto now = after.begin();
  while (old != before.end() || now != after.end()) {
    const auto* was = old == before.end() ? nullptr : &ResourceOf(*old);
    const auto* is = now == after.end() ? nullptr : &ResourceOf(*now);
    if (was != nullptr && is != nullptr && was->name != is->name) {
      // The name that comes first is missing on the other side.
      (was->name < is->name ? is : was) = nullptr;
    }
    if (was == nullptr) {
      out.push_back({std::nullopt, *is});
    } else if (is == nullptr) {
      out.push_back({*was, std::nullopt});
    } else if (!AreEqual(*was, *is)) {
      out.push_back({*was, *is});
    }
    if (was != nullptr) ++old;
    if (is != nullptr) ++now;
  }
}

}  // namespace

std::vector<ResourceDifference> Difference(const Directory& before, const Directory& after) {
  std::vector<ResourceDifference> out;
  Compare(before.organizations(), after.organizations(), out);
  Compare(before.hooks(), after.hooks(), out);
  std::set<std::string> organizations;
  for (const Directory* directory : {&before, &after}) {
    for (const auto& [name, organization] : directory->organizations())
      organizations.insert(name);
  }
  for (const std::string& organization : organizations) {
    for (const FlowDirection direction : {FlowDirection::kInbound, FlowDirection::kOutbound}) {
      Compare(before.ListRules(organization, direction), after.ListRules(organization, direction),
              out);
    }
  }
  return out;
}

}  // namespace penstock::flow
