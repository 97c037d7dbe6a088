// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/update.h"

#include <google/protobuf/field_mask.pb.h>

#include <catch2/catch.hpp>

#include "penstock/v1/flow_rules.pb.h"
#include "penstock/v1/hooks.pb.h"

namespace penstock::wire {
namespace {

google::protobuf::FieldMask Mask(std::initializer_list<const char*> paths) {
  google::protobuf::FieldMask mask;
  for (const char* path : paths)
    mask.add_paths(path);
  return mask;
}

v1::FlowRule ExampleRule() {
  v1::FlowRule rule;
  rule.set_name("organizations/a/directions/inbound/flowRules/r");
  rule.add_sender_patterns("*");
  rule.add_recipient_patterns("*");
  rule.mutable_verdict()->set_action(v1::Verdict::DROP);
  rule.set_description("old");
  rule.set_etag("e");
  return rule;
}

}  // namespace

TEST_CASE("Etag: depends on every field but itself", "[wire][update]") {
  v1::Hook hook;
  hook.set_name("hooks/a");
  for (char c = 'a'; c <= 'z'; ++c)
    (*hook.mutable_labels())[std::string(1, c)] = "x";
  const std::string etag = Etag(hook);
  CHECK(etag.size() == 16);
  hook.set_etag(etag);
  CHECK(Etag(hook) == etag);
  v1::Hook other;
  other.set_name("hooks/a");
  for (char c = 'z'; c >= 'a'; --c)
    (*other.mutable_labels())[std::string(1, c)] = "x";
  CHECK(Etag(other) == etag);
  other.set_json(true);
  CHECK(Etag(other) != etag);
}

TEST_CASE("CheckEtag: none, the current one, or refused", "[wire][update]") {
  CHECK(CheckEtag("", "1") == OkStatus());
  CHECK(CheckEtag("1", "1") == OkStatus());
  CHECK(CheckEtag("2", "1").code() == StatusCode::kAborted);
}

TEST_CASE("MergeUpdate: only what the mask names changes", "[wire][update]") {
  v1::FlowRule rule = ExampleRule();
  v1::FlowRule change;
  change.set_name("organizations/b/directions/inbound/flowRules/x");
  change.add_sender_patterns("example.com");
  change.set_description("new");
  REQUIRE(MergeUpdate(change, Mask({"sender_patterns", "sender_patterns"}), &rule).ok());
  REQUIRE(rule.sender_patterns_size() == 1);
  CHECK(rule.sender_patterns(0) == "example.com");
  CHECK(rule.description() == "old");
  CHECK(rule.name() == ExampleRule().name());
  CHECK(rule.etag() == "e");
}

TEST_CASE("MergeUpdate: an empty mask means what is set, the star everything", "[wire][update]") {
  v1::FlowRule change;
  change.set_description("new");
  change.set_etag("f");
  v1::FlowRule rule = ExampleRule();
  REQUIRE(MergeUpdate(change, Mask({}), &rule).ok());
  CHECK(rule.description() == "new");
  CHECK(rule.sender_patterns_size() == 1);
  CHECK(rule.etag() == "e");
  rule = ExampleRule();
  REQUIRE(MergeUpdate(change, Mask({"*"}), &rule).ok());
  CHECK(rule.description() == "new");
  CHECK(rule.sender_patterns_size() == 0);
  CHECK(rule.action_case() == v1::FlowRule::ACTION_NOT_SET);
  CHECK(rule.name() == ExampleRule().name());
}

TEST_CASE("MergeUpdate: the action changes as a whole", "[wire][update]") {
  v1::FlowRule rule = ExampleRule();
  v1::FlowRule change;
  change.mutable_run_hook()->set_hook("h");
  REQUIRE(MergeUpdate(change, Mask({"run_hook"}), &rule).ok());
  CHECK(rule.run_hook().hook() == "h");
  CHECK(!rule.has_verdict());
  CHECK(change.run_hook().hook() == "h");
  REQUIRE(MergeUpdate(ExampleRule(), Mask({"verdict", "run_hook"}), &rule).ok());
  CHECK(rule.verdict().action() == v1::Verdict::DROP);
}

TEST_CASE("MergeUpdate: a field of the mask that is not set is cleared", "[wire][update]") {
  v1::FlowRule rule = ExampleRule();
  REQUIRE(MergeUpdate(v1::FlowRule(), Mask({"description"}), &rule).ok());
  CHECK(rule.description().empty());
}

TEST_CASE("MergeUpdate: an unknown field is refused, and nothing changes", "[wire][update]") {
  v1::FlowRule rule = ExampleRule();
  CHECK(Message(MergeUpdate(v1::FlowRule(), Mask({"description", "descripton"}), &rule)) ==
        "update_mask: \"descripton\" is no known field; did you mean \"description\"?");
  CHECK(!MergeUpdate(v1::FlowRule(), Mask({"run_hook.hook"}), &rule).ok());
  CHECK(!MergeUpdate(v1::FlowRule(), Mask({"*", "description"}), &rule).ok());
  CHECK(rule.SerializeAsString() == ExampleRule().SerializeAsString());
}

}  // namespace penstock::wire
