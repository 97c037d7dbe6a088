// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/directory.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "engine/rules/select.h"
#include "tests/support/rule_vectors.h"
#include "tests/support/vectors.h"

namespace penstock::flow {
namespace {

using rules::FlowDirection;
using Write = Directory::Write;

rules::Organization Org(std::string name, std::vector<std::string> domains) {
  rules::Organization organization;
  organization.name = std::move(name);
  organization.domains = std::move(domains);
  return organization;
}

Hook MakeHook(std::vector<std::string> principals) {
  Hook hook;
  hook.name = "decide";
  hook.target = "127.0.0.1:50051";
  for (std::string& principal : principals) {
    Permission permission;
    permission.statement_id = Cat("allow-", principal);
    permission.organization = std::move(principal);
    hook.permissions.push_back(std::move(permission));
  }
  return hook;
}

rules::FlowRule HookRule(std::string name) {
  rules::FlowRule rule;
  rule.organization = "default";
  rule.name = std::move(name);
  rule.sender_patterns = {"*"};
  rule.recipient_patterns = {"*"};
  rule.run_hook = rules::HookInvocation{"decide", rules::InvocationMode::kSync, {}, {}};
  return rule;
}

DirectorySnapshot Fresh() {
  const auto directory = Directory::Build({Org("default", {"org.example"})}, {}, {});
  REQUIRE(directory.ok());
  return *directory;
}

void CheckRefused(const Status& status, StatusCode code, std::string_view words) {
  CAPTURE(status.ToString());
  CHECK(status.code() == code);
  CHECK(Message(status).find(words) != std::string_view::npos);
}

// The steps of a vector, from an organization "default" on. A step is one of
//   {"organization": name, "domains": […]}           creates it
//   {"hook": name, "permissions": […]}               creates or replaces it
//   {"create": rule}, {"replace": rule}, {"delete": rule}, {"remove_hook": name}
//   {"keep": name}                                   a message that began now
//   {"wins": "a@b", "from": "c@d", "for": name}      the rule that the message meets; "now" is one
class Steps {
 public:
  // Returns "ok", the winner, or the error.
  std::string Take(const tests::Json& step) {
    if (step.contains("keep")) {
      kept_[step.at("keep")] = now_;
      return "ok";
    }
    if (step.contains("wins")) return Winner(step);
    StatusOr<DirectorySnapshot> next = Change(step);
    if (!next.ok()) return Cat(CodeName(next.status().code()), ": ", Message(next.status()));
    now_ = *std::move(next);
    return "ok";
  }

 private:
  [[nodiscard]] StatusOr<DirectorySnapshot> Change(const tests::Json& step) const {
    if (step.contains("organization")) {
      return now_->With(Org(step.at("organization"), tests::TextsFromJson(step, "domains")),
                        Write::kCreate);
    }
    if (step.contains("hook")) {
      const Hook hook = HookFromJson(step);
      return now_->With(hook, now_->FindHook(hook.name) ? Write::kReplace : Write::kCreate);
    }
    if (step.contains("remove_hook"))
      return now_->WithoutHook(step.at("remove_hook").get<std::string>());
    if (step.contains("delete")) {
      const rules::FlowRule rule = tests::RuleFromJson(step.at("delete"));
      return now_->WithoutRule(rule.organization, rule.direction, rule.name);
    }
    if (step.contains("replace"))
      return now_->With(tests::RuleFromJson(step.at("replace")), Write::kReplace);
    return now_->With(tests::RuleFromJson(step.at("create")), Write::kCreate);
  }

  static Hook HookFromJson(const tests::Json& json) {
    Hook hook = MakeHook({});
    hook.name = json.at("hook");
    for (const tests::Json& statement : json.value("permissions", tests::Json::array())) {
      Permission permission;
      permission.statement_id = statement.at("id");
      permission.organization = statement.value("organization", "default");
      permission.inbound = statement.value("inbound", true);
      permission.outbound = statement.value("outbound", true);
      hook.permissions.push_back(std::move(permission));
    }
    return hook;
  }

  [[nodiscard]] std::string Winner(const tests::Json& step) const {
    const std::string message = step.at("for");
    const DirectorySnapshot directory = message == "now" ? now_ : kept_.at(message);
    const auto rules = directory->Rules("default", FlowDirection::kInbound);
    const rules::OriginatorMatches matches(*rules, {{}, {step.at("from").get<std::string>()}});
    const auto selection = rules::Select(*rules, matches, step.at("wins").get<std::string>());
    return selection.rule == rules::kNoRule ? "no rule" : std::string(rules->name(selection.rule));
  }

  DirectorySnapshot now_ = Fresh();
  std::map<std::string, DirectorySnapshot> kept_;
};

}  // namespace

TEST_CASE("Directory: vectors of changes, each of which does all or nothing", "[flow][directory]") {
  for (const tests::Vector& v : tests::LoadVectors("flow/directory.json")) {
    DYNAMIC_SECTION(v.name) {
      Steps steps;
      tests::Json results;
      for (const tests::Json& step : v.input)
        results.push_back(steps.Take(step));
      CHECK(results.dump(1) == v.want.dump(1));
    }
  }
}

TEST_CASE("Directory: a domain belongs to one organization at most, O2", "[flow][directory]") {
  const auto refused = Fresh()->With(Org("other", {"ORG.example."}), Write::kCreate);
  CheckRefused(refused.status(), StatusCode::kAlreadyExists, "default");
}

TEST_CASE("Directory: names are unique and changes need what they change", "[flow][directory]") {
  const auto directory = Fresh();
  CheckRefused(directory->With(Org("default", {}), Write::kCreate).status(),
               StatusCode::kAlreadyExists, "default");
  CheckRefused(directory->With(Org("none", {}), Write::kReplace).status(), StatusCode::kNotFound,
               "none");
  CheckRefused(directory->WithoutHook("none").status(), StatusCode::kNotFound, "none");
  CheckRefused(directory->WithoutRule("default", FlowDirection::kInbound, "none").status(),
               StatusCode::kNotFound, "none");
}

TEST_CASE("Directory: a permission for an organization that is not there is refused",
          "[flow][directory]") {
  CheckRefused(Fresh()->With(MakeHook({"nobody"}), Write::kCreate).status(),
               StatusCode::kFailedPrecondition, "penstock org list");
}

TEST_CASE("Directory: an organization with rules or grants is not removed", "[flow][directory]") {
  auto directory = Fresh()->With(MakeHook({"default"}), Write::kCreate);
  REQUIRE(directory.ok());
  CheckRefused((*directory)->WithoutOrganization("default").status(),
               StatusCode::kFailedPrecondition, "penstock hook remove-permission decide");
  directory = (*directory)->With(HookRule("ask"), Write::kCreate);
  REQUIRE(directory.ok());
  CheckRefused((*directory)->WithoutOrganization("default").status(),
               StatusCode::kFailedPrecondition, "penstock rule delete ask");
}

}  // namespace penstock::flow
