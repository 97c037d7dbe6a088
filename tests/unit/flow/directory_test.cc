// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/directory.h"

#include <catch2/catch.hpp>

#include "engine/base/strings.h"

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

}  // namespace

TEST_CASE("Directory: a rule that names an unknown hook is refused with the mending command, R12",
          "[flow][directory]") {
  const auto refused = Fresh()->With(HookRule("ask"), Write::kCreate);
  CheckRefused(refused.status(), StatusCode::kFailedPrecondition, "penstock hook register decide");
}

TEST_CASE(
    "Directory: a rule whose hook lacks the permission is refused with the mending command, R12",
    "[flow][directory]") {
  const auto with_hook = Fresh()->With(MakeHook({}), Write::kCreate);
  REQUIRE(with_hook.ok());
  const auto refused = (*with_hook)->With(HookRule("ask"), Write::kCreate);
  CheckRefused(refused.status(), StatusCode::kFailedPrecondition,
               "penstock hook add-permission decide");
}

TEST_CASE("Directory: a hook is not removed while a rule names it, P1", "[flow][directory]") {
  auto directory = Fresh()->With(MakeHook({"default"}), Write::kCreate);
  REQUIRE(directory.ok());
  directory = (*directory)->With(HookRule("ask"), Write::kCreate);
  REQUIRE(directory.ok());
  CheckRefused((*directory)->WithoutHook("decide").status(), StatusCode::kFailedPrecondition,
               "penstock rule delete ask");
  directory = (*directory)->WithoutRule("default", FlowDirection::kInbound, "ask");
  REQUIRE(directory.ok());
  CHECK((*directory)->WithoutHook("decide").ok());
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

TEST_CASE("Directory: a change leaves the snapshot before it as it was, R14", "[flow][directory]") {
  const auto before = Fresh();
  rules::FlowRule rule = HookRule("drop");
  rule.run_hook.reset();
  rule.verdict.action = rules::Action::kDrop;
  const auto after = before->With(rule, Write::kCreate);
  REQUIRE(after.ok());
  CHECK(before->Rules("default", FlowDirection::kInbound)->size() == 0);
  CHECK((*after)->Rules("default", FlowDirection::kInbound)->size() == 1);
  CHECK((*after)->Rules("default", FlowDirection::kOutbound)->size() == 0);
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
