// SPDX-License-Identifier: Apache-2.0
// What the command line does not show: metadata, etags, masks, pages, stores that refuse, stops.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <boost/asio/thread_pool.hpp>
#include <catch2/catch.hpp>

#include "engine/api/admin_server.h"
#include "engine/base/strings.h"
#include "tests/integration/api/services_fixture.h"
#include "tests/support/store_samples.h"

#include "penstock/v1/error.pb.h"
#include "penstock/v1/flow_rules.grpc.pb.h"
#include "penstock/v1/hooks.grpc.pb.h"
#include "penstock/v1/messages.grpc.pb.h"
#include "penstock/v1/organizations.grpc.pb.h"

namespace penstock::api {
namespace {

std::vector<std::string> ManyPatterns(std::size_t count) {
  std::vector<std::string> patterns;
  for (std::size_t i = 0; i < count; ++i)
    patterns.push_back(Cat("d", i, ".example"));
  return patterns;
}

}  // namespace

TEST_CASE("AdminServices: a change goes on record with the name that the client gives, unproven",
          "[api][r14]") {
  Fixture fixture;
  REQUIRE(fixture.CreateOrganization("a", {{"penstock-user", "alice"}}).ok());
  REQUIRE(fixture.CreateOrganization("b").ok());
  REQUIRE(fixture.CreateOrganization("c", {{"penstock-user", std::string(2000, 'x')}}).ok());
  const auto changes = fixture.store().changes();
  REQUIRE(changes.size() == 4);
  CHECK(changes[0].who == "penstockd");
  CHECK(changes[1].who == "unproven:alice");
  CHECK(std::get<rules::Organization>(changes[1].resource).name == "a");
  CHECK_FALSE(changes[1].removed);
  CHECK(changes[2].who == "unproven");
  CHECK(changes[3].who.size() < 300);
}

TEST_CASE("AdminServices: a change that the store refuses has not happened", "[api][r14]") {
  Fixture fixture;
  fixture.store().RefuseCommits(Unavailable("no space left on the disk"));
  const Status refused = fixture.CreateOrganization("acme");
  CHECK(refused.code() == StatusCode::kUnavailable);
  CHECK(Message(refused) == "no space left on the disk");
  CHECK(fixture.info().reason() == "UNAVAILABLE");
  CHECK(fixture.directory().Current()->FindOrganization("acme") == nullptr);
  fixture.store().RefuseCommits(OkStatus());
  CHECK(fixture.CreateOrganization("acme").ok());
}

TEST_CASE("AdminServices: an error names field, reason and the command that mends it",
          "[api][errors]") {
  Fixture fixture;
  CHECK(fixture.CreateRule("default", "bad", {"*", "a+b@example.com"}).status().code() ==
        StatusCode::kInvalidArgument);
  CHECK(fixture.info().reason() == "INVALID_ARGUMENT");
  CHECK(fixture.info().field() == "sender_patterns[1]");
  CHECK(fixture.CreateRule("nobody", "r", {"*"}).status().code() == StatusCode::kNotFound);
  CHECK(fixture.info().hint() == "penstock org create nobody");
  CHECK(fixture.info().field().empty());
}

TEST_CASE("FlowRuleService: an etag that is not the current one refuses the change",
          "[api][etag]") {
  Fixture fixture;
  const v1::FlowRule created = fixture.CreateRule("default", "r", {"a.example"}).value();
  v1::FlowRule change = created;
  change.set_description("first");
  const v1::FlowRule first = fixture.UpdateRule(change, {"description"}).value();
  CHECK(first.etag() != created.etag());
  change.set_description("second");
  CHECK(fixture.UpdateRule(change, {"description"}).status().code() == StatusCode::kAborted);
  v1::DeleteFlowRuleRequest stale;
  stale.set_name(created.name());
  stale.set_etag(created.etag());
  google::protobuf::Empty nothing;
  CHECK(
      fixture.Call<v1::FlowRuleService>(&v1::FlowRuleService::Stub::DeleteFlowRule, stale, nothing)
          .code() == StatusCode::kAborted);
  stale.set_etag(first.etag());
  CHECK(
      fixture.Call<v1::FlowRuleService>(&v1::FlowRuleService::Stub::DeleteFlowRule, stale, nothing)
          .ok());
  CHECK(fixture.store().changes().back().removed);
}

TEST_CASE("FlowRuleService: an update changes what its mask names and nothing else",
          "[api][mask]") {
  Fixture fixture;
  v1::FlowRule change = fixture.CreateRule("default", "r", {"a.example"}).value();
  change.clear_etag();
  change.set_description("new words");
  change.clear_sender_patterns();
  change.add_sender_patterns("b.example");
  const v1::FlowRule one = fixture.UpdateRule(change, {"description"}).value();
  CHECK(one.description() == "new words");
  CHECK(one.sender_patterns(0) == "a.example");
  const v1::FlowRule all = fixture.UpdateRule(change, {"*"}).value();
  CHECK(all.sender_patterns(0) == "b.example");
  const auto unknown = fixture.UpdateRule(change, {"descriptoin"});
  CHECK(unknown.status().code() == StatusCode::kInvalidArgument);
  CHECK_THAT(std::string(unknown.status().message()),
             Catch::Matchers::Contains("did you mean") && Catch::Matchers::Contains("description"));
}

TEST_CASE("HookService: an update leaves the permissions alone", "[api][mask]") {
  Fixture fixture;
  using Stub = v1::HookRegistryService::Stub;
  v1::CreateHookRequest create;
  create.set_hook_id("h");
  create.mutable_hook()->set_target("127.0.0.1:1");
  v1::Hook hook;
  REQUIRE(fixture.Call<v1::HookRegistryService>(&Stub::CreateHook, create, hook).ok());
  v1::AddPermissionRequest grant;
  grant.set_name("hooks/h");
  grant.mutable_permission()->set_statement_id("s");
  grant.mutable_permission()->set_organization("default");
  REQUIRE(fixture.Call<v1::HookRegistryService>(&Stub::AddPermission, grant, hook).ok());
  v1::UpdateHookRequest update;
  update.mutable_hook()->set_name("hooks/h");
  update.mutable_hook()->set_target("127.0.0.1:2");
  update.mutable_update_mask()->add_paths("*");
  REQUIRE(fixture.Call<v1::HookRegistryService>(&Stub::UpdateHook, update, hook).ok());
  CHECK(hook.target() == "127.0.0.1:2");
  CHECK(hook.permissions_size() == 1);
}

TEST_CASE("OrganizationService: pages go on where they ended, whatever changed between them",
          "[api][paging]") {
  Fixture fixture;
  for (int i = 0; i < 25; ++i)
    REQUIRE(fixture.CreateOrganization(Cat("o", 100 + i)).ok());
  v1::ListOrganizationsRequest request;
  request.set_page_size(10);
  std::vector<std::string> names;
  for (int page = 0;; ++page) {
    v1::ListOrganizationsResponse response;
    REQUIRE(fixture
                .Call<v1::OrganizationService>(&v1::OrganizationService::Stub::ListOrganizations,
                                               request, response)
                .ok());
    CHECK(response.organizations_size() <= 10);
    for (const v1::Organization& organization : response.organizations())
      names.push_back(organization.name());
    request.set_page_token(response.next_page_token());
    if (request.page_token().empty()) break;
    if (page == 0) REQUIRE(fixture.CreateOrganization("aaa").ok());  // before where it goes on
  }
  CHECK(names.size() == 26);
  CHECK(std::is_sorted(names.begin(), names.end()));
  CHECK(std::set<std::string>(names.begin(), names.end()).size() == names.size());
  request.set_page_size(-1);
  v1::ListOrganizationsResponse response;
  CHECK(fixture
            .Call<v1::OrganizationService>(&v1::OrganizationService::Stub::ListOrganizations,
                                           request, response)
            .code() == StatusCode::kInvalidArgument);
}

TEST_CASE("MessageService: a page may take several reads of the store and says where it ended",
          "[api][paging]") {
  Fixture fixture;
  const std::size_t count = 2 * limits::kMessagesReadMax + 20;
  for (std::size_t i = 0; i < count; ++i) {
    auto content = fixture.store().NewContent();
    REQUIRE(content.ok());
    REQUIRE((*content)->Write("\r\n").ok());
    ports::Transaction transaction;
    transaction.messages.push_back(
        {tests::ActiveMessage(Cat("00000000-0000-4000-8000-", 100'000'000'000 + i),
                              (*content)->id()),
         {}});
    transaction.contents.push_back(*std::move(content));
    REQUIRE(tests::Await(fixture.executor(), fixture.store().Commit(std::move(transaction))).ok());
  }
  using Stub = v1::MessageService::Stub;
  v1::ListMessagesRequest request;
  request.set_page_size(static_cast<std::int32_t>(count - 10));
  request.set_state(v1::Message::ACTIVE);
  v1::ListMessagesResponse first;
  REQUIRE(fixture.Call<v1::MessageService>(&Stub::ListMessages, request, first).ok());
  REQUIRE(static_cast<std::size_t>(first.messages_size()) == count - 10);
  CHECK(first.messages(0).name() > first.messages(1).name());  // the newest first
  request.set_page_token(first.next_page_token());
  v1::ListMessagesResponse second;
  REQUIRE(fixture.Call<v1::MessageService>(&Stub::ListMessages, request, second).ok());
  CHECK(second.messages_size() == 10);
  CHECK(second.next_page_token().empty());
  std::set<std::string> names;
  for (const auto* page : {&first, &second}) {
    for (const v1::Message& message : page->messages())
      names.insert(message.name());
  }
  CHECK(names.size() == count);
  request.set_state(v1::Message::CLOSED);
  request.clear_page_token();
  REQUIRE(fixture.Call<v1::MessageService>(&Stub::ListMessages, request, second).ok());
  CHECK(second.messages().empty());
}

TEST_CASE("FlowRuleService: rules of all organizations come in byte order of their names",
          "[api][paging]") {
  Fixture fixture;
  for (const char* organization : {"a", "a-b", "a.b"}) {
    REQUIRE(fixture.CreateOrganization(organization).ok());
    REQUIRE(fixture.CreateRule(organization, "z", {"*"}).ok());
    REQUIRE(fixture.CreateRule(organization, "y", {"*"}).ok());
  }
  v1::ListFlowRulesRequest request;
  request.set_parent("organizations/-/directions/-");
  request.set_page_size(1);
  std::vector<std::string> names;
  do {
    v1::ListFlowRulesResponse response;
    REQUIRE(
        fixture
            .Call<v1::FlowRuleService>(&v1::FlowRuleService::Stub::ListFlowRules, request, response)
            .ok());
    for (const v1::FlowRule& rule : response.flow_rules())
      names.push_back(rule.name());
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  CHECK(names.size() == 6);
  CHECK(std::is_sorted(names.begin(), names.end()));
}

TEST_CASE("FlowRuleService: the model's quotas warn, and refuse where compat is asked for",
          "[api][r13]") {
  Fixture fixture;
  const auto patterns = ManyPatterns(limits::kRuleSenderPatternsWarn + 1);
  CHECK(fixture.CreateRule("default", "many", patterns, true).status().code() ==
        StatusCode::kInvalidArgument);
  const v1::FlowRule warned = fixture.CreateRule("default", "many", patterns).value();
  REQUIRE(warned.warnings_size() == 1);
  CHECK_THAT(warned.warnings(0), Catch::Matchers::Contains("250"));
}

TEST_CASE("AdminServices: changes of many clients at once all happen", "[api][r14]") {
  Fixture fixture;
  std::vector<std::future<bool>> calls;
  for (int i = 0; i < 40; ++i) {
    calls.push_back(std::async(std::launch::async, [&fixture, i] {
      v1::AddDomainRequest request;
      request.set_name("organizations/default");
      request.set_domain(Cat("d", i, ".example"));
      grpc::ClientContext context;
      v1::Organization changed;
      return v1::OrganizationService::NewStub(fixture.channel())
          ->AddDomain(&context, request, &changed)
          .ok();
    }));
  }
  for (std::future<bool>& call : calls)
    CHECK(call.get());
  CHECK(fixture.directory().Current()->FindOrganization("default")->domains.size() == 40);
}

TEST_CASE("AdminServer: a stop lets a change that runs come to its end", "[api][stop]") {
  Fixture fixture;
  fixture.store().DelayCommits(Milliseconds(300));
  auto call = std::async(std::launch::async, [&] { return fixture.CreateOrganization("late"); });
  while (fixture.running() == 0)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  fixture.server().Stop(std::chrono::seconds(5));
  CHECK(call.get().ok());
  CHECK(fixture.directory().Current()->FindOrganization("late") != nullptr);
}

TEST_CASE("AdminServer: past its deadline a stop cuts the client off, never the change",
          "[api][stop]") {
  Fixture fixture;
  fixture.store().DelayCommits(Milliseconds(300));
  auto call = std::async(std::launch::async, [&] { return fixture.CreateOrganization("late"); });
  while (fixture.store().begun() == 1)  // that of the start
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  fixture.server().Stop(Milliseconds(0));
  CHECK_FALSE(call.get().ok());
  CHECK(fixture.directory().Current()->FindOrganization("late") != nullptr);
}

}  // namespace penstock::api
