// SPDX-License-Identifier: Apache-2.0
// Everything an administrator has set up, as one immutable value: organizations, hooks, flow rules
// and the rules compiled. A message pins one Directory and sees no other while it is planned (R14).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/status.h"
#include "engine/flow/hook.h"
#include "engine/rules/flow_rule.h"
#include "engine/rules/organization.h"
#include "engine/rules/rule_set.h"

namespace penstock::flow {

class Directory;
using DirectorySnapshot = std::shared_ptr<const Directory>;

// Threads: const, safe from any. What is returned lives as long as the Directory.
class Directory {
 public:
  using RuleKey = std::pair<std::string, rules::FlowDirection>;  // organization, direction
  using RuleNames = std::map<std::string, rules::FlowRule, std::less<>>;

  // Checks all of it and compiles the rules.
  //   Errors: kInvalidArgument or kFailedPrecondition, naming the resource and the field.
  static StatusOr<DirectorySnapshot> Build(std::vector<rules::Organization> organizations,
                                           std::vector<Hook> hooks,
                                           std::vector<rules::FlowRule> rules);

  // Each returns a new Directory with one change; rule sets that the change leaves alone are
  // shared.
  //   Errors: kAlreadyExists (Create), kNotFound (Replace, Remove), kInvalidArgument, and
  //   kFailedPrecondition with the command that mends it: a rule that names an unknown hook or one
  //   without the permission (R12), a hook that a rule still names (P1), a domain that another
  //   organization owns (O2), an organization that still has rules.
  enum class Write { kCreate, kReplace };
  [[nodiscard]] StatusOr<DirectorySnapshot> With(rules::Organization organization,
                                                 Write write) const;
  [[nodiscard]] StatusOr<DirectorySnapshot> With(Hook hook, Write write) const;
  [[nodiscard]] StatusOr<DirectorySnapshot> With(rules::FlowRule rule, Write write) const;
  [[nodiscard]] StatusOr<DirectorySnapshot> WithoutOrganization(std::string_view name) const;
  [[nodiscard]] StatusOr<DirectorySnapshot> WithoutHook(std::string_view name) const;
  [[nodiscard]] StatusOr<DirectorySnapshot> WithoutRule(std::string_view organization,
                                                        rules::FlowDirection direction,
                                                        std::string_view name) const;

  // Null if there is none.
  [[nodiscard]] const rules::Organization* FindOrganization(std::string_view name) const;
  [[nodiscard]] std::shared_ptr<const Hook> FindHook(std::string_view name) const;
  [[nodiscard]] const rules::FlowRule* FindRule(std::string_view organization,
                                                rules::FlowDirection direction,
                                                std::string_view name) const;

  // Which organization owns a domain (O2).
  [[nodiscard]] const rules::DomainTable& domains() const { return domains_; }

  // The compiled rules of one organization and direction; an empty set if it has none.
  [[nodiscard]] const std::shared_ptr<const rules::RuleSet>& Rules(
      std::string_view organization, rules::FlowDirection direction) const;

  // By name.
  [[nodiscard]] const std::map<std::string, rules::Organization, std::less<>>& organizations()
      const {
    return organizations_;
  }

  [[nodiscard]] const std::map<std::string, std::shared_ptr<const Hook>, std::less<>>& hooks()
      const {
    return hooks_;
  }

  [[nodiscard]] std::vector<const rules::FlowRule*> ListRules(std::string_view organization,
                                                              rules::FlowDirection direction) const;

 private:
  [[nodiscard]] Status CheckHookOf(const rules::FlowRule& rule) const;
  Status IndexDomains();
  Status Compile(const RuleKey& key);

  std::map<std::string, rules::Organization, std::less<>> organizations_;
  rules::DomainTable domains_;
  std::map<std::string, std::shared_ptr<const Hook>, std::less<>> hooks_;
  std::map<RuleKey, RuleNames> rules_;
  std::map<RuleKey, std::shared_ptr<const rules::RuleSet>> compiled_;
};

}  // namespace penstock::flow
