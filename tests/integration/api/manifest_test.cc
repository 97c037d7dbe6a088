// SPDX-License-Identifier: Apache-2.0
// Rules as code: one change or none, whatever goes wrong and whoever else changes something.
#include "engine/wire/manifest.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/wire/yaml.h"
#include "tests/integration/api/services_fixture.h"
#include "tests/support/store_samples.h"

#include "penstock/v1/changes.grpc.pb.h"
#include "penstock/v1/manifest.grpc.pb.h"

namespace penstock::api {
namespace {

constexpr const char* kWhole = R"(
organizations:
  - name: default
    domains: [example.com]
  - name: acme
hooks:
  - name: decide
    target: 127.0.0.1:50051
    permissions: [{statement_id: all, organization: default}]
rules:
  - name: ask
    direction: inbound
    sender_patterns: ["*"]
    recipient_patterns: ["*"]
    run_hook: {hook: decide, mode: sync, fallback: {action: default}}
  - name: spam
    organization: acme
    direction: inbound
    sender_patterns: [spam.example]
    recipient_patterns: ["*"]
    verdict: {action: drop}
)";

v1::Manifest Parse(std::string_view yaml) {
  v1::Manifest manifest;
  const Status status = wire::ReadYaml(yaml, "flow.yaml", &manifest);
  if (!status.ok()) throw std::runtime_error(std::string(Message(status)));
  return manifest;
}

v1::ApplyManifestRequest Request(std::string_view yaml) {
  v1::ApplyManifestRequest request;
  *request.mutable_manifest() = Parse(yaml);
  return request;
}

StatusOr<v1::ApplyManifestResponse> Apply(Fixture& fixture, const v1::ApplyManifestRequest& request,
                                          const Metadata& metadata = {}) {
  v1::ApplyManifestResponse response;
  Status status = fixture.Call<v1::ManifestService>(&v1::ManifestService::Stub::ApplyManifest,
                                                    request, response, metadata);
  if (!status.ok()) return status;
  return response;
}

StatusOr<v1::ApplyManifestResponse> Apply(Fixture& fixture, std::string_view yaml) {
  return Apply(fixture, Request(yaml));
}

v1::ExportManifestResponse Export(Fixture& fixture) {
  v1::ExportManifestResponse response;
  REQUIRE(fixture
              .Call<v1::ManifestService>(&v1::ManifestService::Stub::ExportManifest,
                                         v1::ExportManifestRequest(), response)
              .ok());
  return response;
}

std::string Titles(const v1::ApplyManifestResponse& response) {
  std::string text;
  for (const v1::Change& change : response.changes())
    Append(text, v1::Change::Kind_Name(change.kind()), " ", change.resource(), "\n");
  return text;
}

// Rules of one generation, which a mix would show.
std::string Generation(int number, int rules) {
  std::string yaml = "organizations: [{name: default}]\nrules:\n";
  for (int i = 0; i < rules; ++i) {
    Append(yaml, "- {name: g", number, "-", i, ", direction: inbound, sender_patterns: [s", i,
           ".example], recipient_patterns: [\"*\"], verdict: {action: drop}}\n");
  }
  return yaml;
}

std::set<std::string> Generations(const flow::Directory& directory) {
  std::set<std::string> found;
  for (const rules::FlowRule* rule : directory.ListRules("default", rules::FlowDirection::kInbound))
    found.insert(rule->name.substr(0, rule->name.find('-')));
  return found;
}

// Applies what must be refused, and checks that nothing has changed.
Status Refused(Fixture& fixture, const v1::ApplyManifestRequest& request) {
  const auto before = fixture.directory().Current();
  const std::size_t changes = fixture.store().changes().size();
  const auto refused = Apply(fixture, request);
  CHECK_FALSE(refused.ok());
  CHECK(fixture.directory().Current() == before);
  CHECK(fixture.store().changes().size() == changes);
  return refused.status();
}

}  // namespace

TEST_CASE("ManifestService: what is applied is in force, on record, and exported",
          "[api][manifest]") {
  Fixture fixture;
  const auto applied = Apply(fixture, Request(kWhole), {{"penstock-user", "alice"}});
  REQUIRE(applied.ok());
  CHECK(applied->created() == 4);
  CHECK(applied->updated() == 1);
  CHECK(applied->removed() == 0);
  CHECK(Titles(*applied) ==
        "CREATED organizations/acme\n"
        "UPDATED organizations/default\n"
        "CREATED hooks/decide\n"
        "CREATED organizations/acme/directions/inbound/flowRules/spam\n"
        "CREATED organizations/default/directions/inbound/flowRules/ask\n");
  CHECK(applied->changes(1).before().organization().domains().empty());
  CHECK(applied->changes(1).after().organization().domains(0) == "example.com");
  CHECK_FALSE(applied->changes(2).has_before());
  CHECK(applied->changes(2).after().hook().permissions(0).statement_id() == "all");
  const auto directory = fixture.directory().Current();
  CHECK(directory->domains().OwnerOfDomain("example.com") == "default");
  CHECK(directory->Rules("default", rules::FlowDirection::kInbound)->size() == 1);
  const auto changes = fixture.store().changes();
  REQUIRE(changes.size() == 6);  // that of the start as well
  CHECK(changes.back().who == "unproven:alice");

  const v1::ExportManifestResponse exported = Export(fixture);
  CHECK(exported.etag() == applied->etag());
  CHECK(exported.manifest().rules_size() == 2);
  v1::ApplyManifestRequest again;
  *again.mutable_manifest() = exported.manifest();
  const auto nothing = Apply(fixture, again);
  REQUIRE(nothing.ok());
  CHECK(nothing->changes().empty());
  CHECK(nothing->etag() == applied->etag());
  CHECK(fixture.directory().Current() == directory);
  CHECK(fixture.store().changes().size() == 6);
}

TEST_CASE("ManifestService: what a manifest lacks is removed", "[api][manifest]") {
  Fixture fixture;
  REQUIRE(Apply(fixture, kWhole).ok());
  const auto applied = Apply(fixture, "organizations: [{name: default}]\n");
  REQUIRE(applied.ok());
  CHECK(applied->removed() == 4);
  CHECK(applied->updated() == 1);
  CHECK(applied->changes(0).kind() == v1::Change::REMOVED);
  CHECK(applied->changes(0).before().organization().name() == "organizations/acme");
  CHECK_FALSE(applied->changes(0).has_after());
  const auto directory = fixture.directory().Current();
  CHECK(directory->FindOrganization("acme") == nullptr);
  CHECK(directory->hooks().empty());
  CHECK(directory->Rules("default", rules::FlowDirection::kInbound)->size() == 0);
}

TEST_CASE("ManifestService: one fault and nothing is changed, R12", "[api][manifest]") {
  Fixture fixture;
  REQUIRE(Apply(fixture, kWhole).ok());
  v1::ApplyManifestRequest request = Request(kWhole);
  // A change that is right, and rules that still name a hook that goes.
  request.mutable_manifest()->mutable_organizations(0)->add_domains("example.org");
  request.mutable_manifest()->clear_hooks();
  const Status status = Refused(fixture, request);
  CHECK(status.code() == StatusCode::kInvalidArgument);
  CHECK(Message(status) == "rules[0].run_hook.hook: there is no hook \"decide\" in `hooks`");
  CHECK(fixture.info().field() == "rules[0].run_hook.hook");
}

TEST_CASE("ManifestService: of many faults as many are told as an answer can carry",
          "[api][manifest]") {
  Fixture fixture;
  v1::ApplyManifestRequest request = Request("organizations: [{name: default}]\n");
  for (int i = 0; i < 1000; ++i) {
    v1::ManifestRule& rule = *request.mutable_manifest()->add_rules();
    rule.set_name(Cat("r", i, std::string(50, 'x')));
    rule.set_direction(v1::Event::INBOUND);
    rule.add_sender_patterns(std::string(100, '+'));
  }
  const Status status = Refused(fixture, request);
  CHECK(status.code() == StatusCode::kInvalidArgument);
  const auto lines = Split(Message(status), '\n');
  CHECK(lines.size() > 20);
  CHECK(lines.front().starts_with("rules[0]."));
  CHECK((lines.back() == "and further ones" || lines.back() == "and 950 more"));
  CHECK(Message(status).size() < limits::kManifestFaultsOctets + 100);
}

TEST_CASE("ManifestService: a store that refuses leaves all as it was", "[api][manifest]") {
  Fixture fixture;
  REQUIRE(Apply(fixture, kWhole).ok());
  fixture.store().RefuseCommits(Unavailable("no space left on the disk"));
  const Status status = Refused(fixture, Request("organizations: [{name: default}]\n"));
  CHECK(Message(status) == "no space left on the disk");
  // Nothing to change needs no store.
  CHECK(Apply(fixture, kWhole).ok());
}

TEST_CASE("ManifestService: a manifest without organizations must be meant", "[api][manifest]") {
  Fixture fixture;
  REQUIRE(Apply(fixture, kWhole).ok());
  v1::ApplyManifestRequest request;
  const Status status = Refused(fixture, request);
  CHECK(status.code() == StatusCode::kInvalidArgument);
  CHECK(fixture.info().hint() == "penstock apply --allow-empty");
  request.set_allow_empty(true);
  const auto applied = Apply(fixture, request);
  REQUIRE(applied.ok());
  CHECK(applied->removed() == 5);
  CHECK(fixture.directory().Current()->organizations().empty());
}

TEST_CASE("ManifestService: to validate only changes nothing and says the same",
          "[api][manifest]") {
  Fixture fixture;
  v1::ApplyManifestRequest request = Request(kWhole);
  request.set_validate_only(true);
  const auto before = fixture.directory().Current();
  const auto compared = Apply(fixture, request);
  REQUIRE(compared.ok());
  CHECK(fixture.directory().Current() == before);
  CHECK(fixture.store().changes().size() == 1);
  CHECK(compared->etag() == Export(fixture).etag());
  request.set_validate_only(false);
  const auto applied = Apply(fixture, request);
  REQUIRE(applied.ok());
  CHECK(Titles(*applied) == Titles(*compared));
}

TEST_CASE("ManifestService: an etag keeps another's change from being taken away unseen",
          "[api][manifest][etag]") {
  Fixture fixture;
  v1::ApplyManifestRequest request = Request(kWhole);
  request.set_etag(Export(fixture).etag());
  REQUIRE(fixture.CreateRule("default", "theirs", {"*"}).ok());
  const Status status = Refused(fixture, request);
  CHECK(status.code() == StatusCode::kAborted);
  CHECK(Message(status).find("somebody else has changed it") != std::string_view::npos);
  request.set_etag(Export(fixture).etag());
  const auto applied = Apply(fixture, request);
  REQUIRE(applied.ok());
  CHECK(applied->removed() == 1);
}

TEST_CASE("ManifestService: whoever looks sees all of one manifest, whoever applies at once",
          "[api][manifest][r14]") {
  Fixture fixture;
  REQUIRE(Apply(fixture, Generation(0, 20)).ok());
  std::atomic<bool> done = false;
  std::atomic<int> mixes = 0;
  std::thread reader([&] {
    while (!done) {
      if (Generations(*fixture.directory().Current()).size() != 1) ++mixes;
    }
  });
  std::atomic<int> applied = 0;
  std::vector<std::thread> writers;
  for (int writer = 1; writer <= 4; ++writer) {
    writers.emplace_back([&fixture, &applied, writer] {
      const auto stub = v1::ManifestService::NewStub(fixture.channel());
      for (int i = 0; i < 10; ++i) {
        grpc::ClientContext context;
        v1::ApplyManifestResponse response;
        const auto request = Request(Generation(10 * writer + i, 20));
        const bool ok = stub->ApplyManifest(&context, request, &response).ok();
        // Each found one whole manifest of another.
        if (ok && response.created() == 20 && response.removed() == 20) ++applied;
      }
    });
  }
  for (std::thread& writer : writers)
    writer.join();
  done = true;
  reader.join();
  CHECK(mixes == 0);
  CHECK(applied == 40);
  CHECK(fixture.store().changes().size() == 1 + 20 + 40 * 40);
}

TEST_CASE("ManifestService: a next hop that is not configured is refused with its rule",
          "[api][manifest]") {
  Fixture fixture({"mailboxes", "relay"});
  const v1::ApplyManifestRequest request = Request(R"(
organizations: [{name: default}]
hooks: [{name: h, target: "127.0.0.1:1", permissions: [{statement_id: s, organization: default}]}]
rules:
- {name: a, direction: outbound, sender_patterns: ["*"], recipient_patterns: ["*"], verdict: {action: route_to_gateway, gateway: relay}}
- {name: b, direction: outbound, sender_patterns: ["*"], recipient_patterns: ["*"], verdict: {action: route_to_gateway, gateway: rely}}
- {name: c, direction: outbound, sender_patterns: ["*"], recipient_patterns: ["*"], run_hook: {hook: h, mode: sync, fallback: {action: route_to_gateway, gateway: none}}}
)");
  const Status status = Refused(fixture, request);
  CHECK(status.code() == StatusCode::kFailedPrecondition);
  const auto lines = Split(Message(status), '\n');
  REQUIRE(lines.size() == 2);
  CHECK(lines[0] ==
        "rules[1].verdict.gateway: there is no next hop \"rely\" in the configuration; there is "
        "mailboxes, relay; or add it to next_hops and reload penstockd first");
  CHECK(lines[1].starts_with("rules[2].run_hook.fallback.gateway: there is no next hop \"none\""));
}

TEST_CASE("ManifestService: the model's quotas warn, and refuse where that is asked, R13",
          "[api][manifest][r13]") {
  Fixture fixture;
  std::string yaml = "organizations: [{name: other}, {name: default}]\nrules:\n";
  for (int rule = 0; rule < 5; ++rule) {
    Append(yaml, "- name: r", rule, "\n  direction: inbound\n  recipient_patterns: [\"*\"]\n",
           "  verdict: {action: drop}\n  sender_patterns: [");
    const int patterns = rule == 3 ? 251 : 250;
    for (int i = 0; i < patterns; ++i)
      Append(yaml, "d", i, ".r", rule, ".example, ");
    yaml += "]\n";
  }
  v1::ApplyManifestRequest request = Request(yaml);
  request.set_compat(true);
  const Status status = Refused(fixture, request);
  CHECK(status.code() == StatusCode::kInvalidArgument);
  const std::vector<std::string> want = {
      "rules[3].sender_patterns: 251 sender patterns are over the quota of 250 a rule",
      "organizations[1]: 1251 sender patterns are over the quota of 1000 an organization"};
  CHECK(Message(status) == Join(want, "\n"));
  request.set_compat(false);
  const auto applied = Apply(fixture, request);
  REQUIRE(applied.ok());
  CHECK(std::vector<std::string>(applied->warnings().begin(), applied->warnings().end()) == want);
}

TEST_CASE("ManifestService: an organization with open messages stays", "[api][manifest]") {
  Fixture fixture;
  REQUIRE(Apply(fixture, kWhole).ok());
  ports::Transaction transaction;
  transaction.contents.push_back(fixture.store().NewContent().value());
  flow::MessageState message = tests::ActiveMessage("m-1", transaction.contents[0]->id());
  message.organization = "acme";
  transaction.messages.push_back({message, {}});
  REQUIRE(tests::Await(fixture.executor(), fixture.store().Commit(std::move(transaction))).ok());
  const Status status = Refused(fixture, Request("organizations: [{name: default}]\n"));
  CHECK(status.code() == StatusCode::kFailedPrecondition);
  CHECK(
      Message(status).starts_with("organizations: organization \"acme\" still has open messages"));
  CHECK(fixture.info().hint() == "penstock message list --org acme");
}

TEST_CASE("ManifestService: an organization that a listener names stays", "[api][manifest]") {
  Fixture fixture;
  REQUIRE(Apply(fixture, kWhole).ok());
  fixture.admin().listener_organizations = [] {
    return std::map<std::string, std::string>{{"submission", "acme"}};
  };
  const Status status = Refused(fixture, Request("organizations: [{name: default}]\n"));
  CHECK(status.code() == StatusCode::kFailedPrecondition);
  CHECK(Message(status).starts_with(
      "organizations: listener \"submission\" names organization \"acme\""));
}

TEST_CASE("ManifestService: ten thousand rules are applied as one", "[api][manifest]") {
  Fixture fixture;
  const auto applied = Apply(fixture, Generation(1, 10'000));
  REQUIRE(applied.ok());
  CHECK(applied->created() == 10'000);
  CHECK(applied->changes_size() == 10'000);
  CHECK(fixture.directory().Current()->Rules("default", rules::FlowDirection::kInbound)->size() ==
        10'000);
  CHECK(Apply(fixture, Generation(1, 10'000))->changes().empty());
  v1::ApplyManifestRequest request;
  *request.mutable_manifest() = Export(fixture).manifest();
  CHECK(Apply(fixture, request)->changes().empty());
}

TEST_CASE("ChangeService: lists what was changed, page by page, and shows each", "[api][changes]") {
  Fixture fixture;
  REQUIRE(Apply(fixture, Request(Generation(1, 150)), {{"penstock-user", "alice"}}).ok());
  v1::ListChangesRequest request;
  request.set_page_size(60);
  std::vector<std::string> names;
  int pages = 0;
  do {
    v1::ListChangesResponse page;
    REQUIRE(
        fixture.Call<v1::ChangeService>(&v1::ChangeService::Stub::ListChanges, request, page).ok());
    for (const v1::Change& change : page.changes())
      names.push_back(change.name());
    request.set_page_token(page.next_page_token());
    ++pages;
  } while (!request.page_token().empty());
  CHECK(pages == 3);
  REQUIRE(names.size() == 151);
  for (std::size_t i = 0; i < names.size(); ++i)
    CHECK(names[i] == Cat("changes/", 151 - i));

  const auto get = [&fixture](std::string name) -> StatusOr<v1::Change> {
    v1::GetChangeRequest one;
    one.set_name(std::move(name));
    v1::Change change;
    Status status =
        fixture.Call<v1::ChangeService>(&v1::ChangeService::Stub::GetChange, one, change);
    if (!status.ok()) return status;
    return change;
  };
  const auto first = get("changes/1");
  REQUIRE(first.ok());
  CHECK(first->who() == "penstockd");
  CHECK(first->kind() == v1::Change::CREATED);
  CHECK(first->resource() == "organizations/default");
  CHECK(first->has_time());
  CHECK(get("changes/151")->who() == "unproven:alice");
  CHECK(get("changes/152").status().code() == StatusCode::kNotFound);
  CHECK(fixture.info().hint() == "penstock change list");
  for (const char* name : {"changes/0", "changes/-1", "changes/01", "changes/x", "hooks/1", ""})
    CHECK(get(name).status().code() == StatusCode::kInvalidArgument);
  CHECK(get("changes/9223372036854775807").status().code() == StatusCode::kNotFound);
  request.set_page_token("bm90aGluZw");
  v1::ListChangesResponse page;
  CHECK(fixture.Call<v1::ChangeService>(&v1::ChangeService::Stub::ListChanges, request, page)
            .code() == StatusCode::kInvalidArgument);
}

}  // namespace penstock::api
