// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/directory.h"

#include <algorithm>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

namespace penstock::flow {
namespace {

using rules::FlowDirection;
using rules::FlowRule;
using rules::Organization;
using rules::RuleSet;

std::string Describe(const FlowRule& rule) {
  return Cat("rule \"", rule.name, "\" (", rule.organization, ", ", Name(rule.direction), ")");
}

// Returns an id for a statement about `organization` that `hook` does not have yet.
std::string NewStatementId(const Hook& hook, std::string_view organization) {
  const std::string stem =
      Cat("allow-", organization).substr(0, limits::kResourceNameOctetsMax - 5);
  std::string id = stem;
  const auto is_taken = [&](const Permission& permission) { return permission.statement_id == id; };
  for (int n = 2; std::ranges::any_of(hook.permissions, is_taken); ++n)
    id = Cat(stem, "-", n);
  return id;
}

// What an operator types to name a direction.
std::string_view Word(FlowDirection direction) {
  return direction == FlowDirection::kInbound ? "inbound" : "outbound";
}

}  // namespace

StatusOr<DirectorySnapshot> Directory::Build(std::vector<Organization> organizations,
                                             std::vector<Hook> hooks, std::vector<FlowRule> rules) {
  auto directory = std::make_shared<Directory>();
  for (Organization& organization : organizations) {
    std::string name = organization.name;
    directory->organizations_.emplace(std::move(name), std::move(organization));
  }
  PENSTOCK_RETURN_IF_ERROR(directory->IndexDomains());
  for (Hook& hook : hooks) {
    PENSTOCK_RETURN_IF_ERROR(Validate(hook));
    std::string name = hook.name;
    directory->hooks_.emplace(std::move(name), std::make_shared<const Hook>(std::move(hook)));
  }
  for (FlowRule& rule : rules) {
    PENSTOCK_RETURN_IF_ERROR(Validate(rule));
    std::string name = rule.name;
    directory->rules_[{rule.organization, rule.direction}].emplace(std::move(name),
                                                                   std::move(rule));
  }
  for (const auto& [key, named] : directory->rules_)
    PENSTOCK_RETURN_IF_ERROR(directory->Compile(key));
  return directory;
}

StatusOr<DirectorySnapshot> Directory::With(Organization organization, Write write) const {
  const bool exists = FindOrganization(organization.name) != nullptr;
  if (write == Write::kCreate && exists) {
    return AlreadyExists(Cat("organization \"", organization.name, "\" exists"));
  }
  if (write == Write::kReplace && !exists) {
    return NotFound(Cat("there is no organization \"", organization.name, "\""));
  }
  auto next = std::make_shared<Directory>(*this);
  std::string name = organization.name;
  next->organizations_[std::move(name)] = std::move(organization);
  PENSTOCK_RETURN_IF_ERROR(next->IndexDomains());
  return next;
}

StatusOr<DirectorySnapshot> Directory::With(Hook hook, Write write) const {
  PENSTOCK_RETURN_IF_ERROR(Validate(hook));
  const bool exists = FindHook(hook.name) != nullptr;
  if (write == Write::kCreate && exists)
    return AlreadyExists(Cat("hook \"", hook.name, "\" exists"));
  if (write == Write::kReplace && !exists) {
    return NotFound(Cat("there is no hook \"", hook.name, "\""));
  }
  for (const Permission& permission : hook.permissions) {
    if (FindOrganization(permission.organization) == nullptr) {
      return FailedPrecondition(Cat("permission \"", permission.statement_id,
                                    "\": there is no organization \"", permission.organization,
                                    "\"; `penstock org list` shows them"));
    }
  }
  auto next = std::make_shared<Directory>(*this);
  std::string name = hook.name;
  next->hooks_[std::move(name)] = std::make_shared<const Hook>(std::move(hook));
  return next;
}

StatusOr<DirectorySnapshot> Directory::With(FlowRule rule, Write write) const {
  PENSTOCK_RETURN_IF_ERROR(Validate(rule));
  if (FindOrganization(rule.organization) == nullptr) {
    return NotFound(Cat("there is no organization \"", rule.organization,
                        "\"; create it: penstock org create ", rule.organization));
  }
  const bool exists = FindRule(rule.organization, rule.direction, rule.name) != nullptr;
  if (write == Write::kCreate && exists) return AlreadyExists(Cat(Describe(rule), " exists"));
  if (write == Write::kReplace && !exists) return NotFound(Cat("there is no ", Describe(rule)));
  PENSTOCK_RETURN_IF_ERROR(CheckHookOf(rule));
  auto next = std::make_shared<Directory>(*this);
  const RuleKey key{rule.organization, rule.direction};
  std::string name = rule.name;
  next->rules_[key][std::move(name)] = std::move(rule);
  PENSTOCK_RETURN_IF_ERROR(next->Compile(key));
  return next;
}

// R12.
Status Directory::CheckHookOf(const FlowRule& rule) const {
  if (!rule.run_hook) return OkStatus();
  const std::string& name = rule.run_hook->hook;
  const std::shared_ptr<const Hook> hook = FindHook(name);
  if (hook == nullptr) {
    return FailedPrecondition(Cat("run_hook.hook: there is no hook \"", name,
                                  "\"; register it: penstock hook register ", name,
                                  " --target HOST:PORT"));
  }
  if (!MayInvoke(*hook, rule.organization, rule.direction)) {
    return FailedPrecondition(
        Cat("run_hook.hook: organization \"", rule.organization, "\" may not invoke hook \"", name,
            "\" for ", Word(rule.direction), " mail; grant it: penstock hook add-permission ", name,
            " --statement-id ", NewStatementId(*hook, rule.organization), " --principal ",
            rule.organization));
  }
  return OkStatus();
}

StatusOr<DirectorySnapshot> Directory::WithoutOrganization(std::string_view name) const {
  if (FindOrganization(name) == nullptr) {
    return NotFound(Cat("there is no organization \"", name, "\""));
  }
  for (const FlowDirection direction : {FlowDirection::kInbound, FlowDirection::kOutbound}) {
    const auto rules = ListRules(name, direction);
    if (!rules.empty()) {
      return FailedPrecondition(Cat("organization \"", name, "\" still has ", Word(direction),
                                    " rule \"", rules.front()->name,
                                    "\"; delete it: penstock rule delete ", rules.front()->name,
                                    " --org ", name, " --direction ", Word(direction)));
    }
  }
  for (const auto& [hook_name, hook] : hooks_) {
    for (const Permission& permission : hook->permissions) {
      if (permission.organization == name) {
        return FailedPrecondition(Cat("hook \"", hook_name, "\" still grants organization \"", name,
                                      "\" statement \"", permission.statement_id,
                                      "\"; remove it: penstock hook remove-permission ", hook_name,
                                      " --statement-id ", permission.statement_id));
      }
    }
  }
  auto next = std::make_shared<Directory>(*this);
  next->organizations_.erase(next->organizations_.find(name));
  PENSTOCK_RETURN_IF_ERROR(next->IndexDomains());
  return next;
}

StatusOr<DirectorySnapshot> Directory::WithoutHook(std::string_view name) const {
  if (FindHook(name) == nullptr) return NotFound(Cat("there is no hook \"", name, "\""));
  for (const auto& [key, named] : rules_) {
    for (const auto& [rule_name, rule] : named) {
      if (rule.run_hook && rule.run_hook->hook == name) {
        return FailedPrecondition(Cat("hook \"", name, "\" is named by ", Describe(rule),
                                      "; delete that first: penstock rule delete ", rule_name,
                                      " --org ", key.first, " --direction ", Word(key.second)));
      }
    }
  }
  auto next = std::make_shared<Directory>(*this);
  next->hooks_.erase(next->hooks_.find(name));
  return next;
}

StatusOr<DirectorySnapshot> Directory::WithoutRule(std::string_view organization,
                                                   FlowDirection direction,
                                                   std::string_view name) const {
  if (FindRule(organization, direction, name) == nullptr) {
    return NotFound(Cat("there is no ", Word(direction), " rule \"", name, "\" in organization \"",
                        organization, "\""));
  }
  auto next = std::make_shared<Directory>(*this);
  const RuleKey key{std::string(organization), direction};
  RuleNames& named = next->rules_[key];
  named.erase(named.find(name));
  PENSTOCK_RETURN_IF_ERROR(next->Compile(key));
  return next;
}

Status Directory::IndexDomains() {
  std::vector<Organization> organizations;
  for (const auto& [name, organization] : organizations_)
    organizations.push_back(organization);
  PENSTOCK_ASSIGN_OR_RETURN(domains_, rules::DomainTable::Build(organizations));
  return OkStatus();
}

Status Directory::Compile(const RuleKey& key) {
  std::vector<FlowRule> rules;
  for (const auto& [name, rule] : rules_[key])
    rules.push_back(rule);
  PENSTOCK_ASSIGN_OR_RETURN(RuleSet compiled, RuleSet::Compile(std::move(rules)));
  compiled_[key] = std::make_shared<const RuleSet>(std::move(compiled));
  return OkStatus();
}

const Organization* Directory::FindOrganization(std::string_view name) const {
  const auto found = organizations_.find(name);
  return found == organizations_.end() ? nullptr : &found->second;
}

std::shared_ptr<const Hook> Directory::FindHook(std::string_view name) const {
  const auto found = hooks_.find(name);
  return found == hooks_.end() ? nullptr : found->second;
}

const FlowRule* Directory::FindRule(std::string_view organization, FlowDirection direction,
                                    std::string_view name) const {
  const auto named = rules_.find({std::string(organization), direction});
  if (named == rules_.end()) return nullptr;
  const auto found = named->second.find(name);
  return found == named->second.end() ? nullptr : &found->second;
}

const std::shared_ptr<const RuleSet>& Directory::Rules(std::string_view organization,
                                                       FlowDirection direction) const {
  static const std::shared_ptr<const RuleSet> kEmpty = std::make_shared<const RuleSet>();
  const auto found = compiled_.find({std::string(organization), direction});
  return found == compiled_.end() ? kEmpty : found->second;
}

std::vector<const FlowRule*> Directory::ListRules(std::string_view organization,
                                                  FlowDirection direction) const {
  std::vector<const FlowRule*> rules;
  const auto named = rules_.find({std::string(organization), direction});
  if (named == rules_.end()) return rules;
  for (const auto& [name, rule] : named->second)
    rules.push_back(&rule);
  return rules;
}

}  // namespace penstock::flow
