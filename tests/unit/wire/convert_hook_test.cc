// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/convert_hook.h"

#include <limits>
#include <string>

#include <catch2/catch.hpp>

#include "penstock/v1/hooks.pb.h"

namespace penstock::wire {
namespace {

std::string Fault(const v1::Hook& hook) {
  return std::string(Message(FromProto(hook).status()));
}

v1::Hook ExampleProto() {
  v1::Hook hook;
  hook.set_name("hooks/h");
  hook.set_target("127.0.0.1:50051");
  return hook;
}

}  // namespace

TEST_CASE("Hook: every field goes over and back, permissions by their own way", "[wire][hook]") {
  flow::Hook hook;
  hook.name = "h";
  hook.target = "dns:///hooks.example.com:8443";
  hook.json = true;
  hook.stream = true;
  hook.sync_deadline = std::chrono::milliseconds(2500);
  hook.async_deadline = std::chrono::minutes(5);
  hook.max_concurrent_calls = 7;
  hook.async_queue_max = 8;
  hook.dead_letters_max = 9;
  hook.async_retries = 0;
  hook.labels = {{"team", "mail"}};
  hook.description = "why";
  hook.plain_text_allowed = true;
  hook.tls = flow::HookTls{"ca.pem", "c.pem", "k.pem", "name"};
  CHECK(FromProto(ToProto(hook)).value() == hook);
  flow::Hook granted = hook;
  granted.permissions.push_back({"s1", "default", true, true, false, true, false});
  const v1::Hook proto = ToProto(granted);
  REQUIRE(proto.permissions_size() == 1);
  CHECK(FromProto(proto.permissions(0)).value() == granted.permissions[0]);
  CHECK(FromProto(proto).value() == hook);
  CHECK(proto.etag() != ToProto(hook).etag());
}

TEST_CASE("Hook: what is not set takes the default", "[wire][hook]") {
  flow::Hook hook;
  hook.name = "h";
  hook.target = "127.0.0.1:50051";
  CHECK(FromProto(ExampleProto()).value() == hook);
}

TEST_CASE("Hook: a fault begins with its field", "[wire][hook]") {
  v1::Hook hook = ExampleProto();
  hook.set_name("h");
  CHECK(Fault(hook) == "name: \"h\": expected \"hooks/{hook}\"");
  hook = ExampleProto();
  hook.set_max_concurrent_calls(-1);
  CHECK(Fault(hook) == "max_concurrent_calls: -1 is negative");
  hook = ExampleProto();
  hook.set_async_queue_max(std::numeric_limits<std::int64_t>::max());
  CHECK(Fault(hook).starts_with("async_queue_max: "));
  hook = ExampleProto();
  hook.mutable_sync_deadline();
  CHECK(Fault(hook) == "sync_deadline: 0ms is not within 10ms and 15s");
  hook = ExampleProto();
  hook.mutable_async_deadline();
  CHECK(Fault(hook) == "async_deadline: 0ms is not within 1s and 15m");
  hook.mutable_async_deadline()->set_seconds(std::numeric_limits<std::int64_t>::max());
  CHECK(Fault(hook).starts_with("async_deadline: "));
  hook = ExampleProto();
  hook.set_async_retries(11);
  CHECK(Fault(hook) == "async_retries: 11 is not within 0 and 10");
}

TEST_CASE("Permission: empty grants mean INVOKE, empty directions both", "[wire][hook][P1]") {
  v1::Permission proto;
  proto.set_statement_id("s");
  proto.set_organization("default");
  const flow::Permission permission = FromProto(proto).value();
  CHECK(permission.invoke);
  CHECK(!permission.read);
  CHECK(!permission.replace);
  CHECK(permission.inbound);
  CHECK(permission.outbound);
  proto.add_grants(v1::Permission::REPLACE);
  proto.add_directions(v1::Event::OUTBOUND);
  const flow::Permission narrow = FromProto(proto).value();
  CHECK(narrow.invoke);
  CHECK(narrow.replace);
  CHECK(!narrow.inbound);
  proto.add_grants(v1::Permission::UNSPECIFIED);
  CHECK(Message(FromProto(proto).status()) == "grants[1]: expected INVOKE, READ or REPLACE");
  proto.clear_grants();
  proto.add_directions(static_cast<v1::Event::FlowDirection>(9));
  CHECK(Message(FromProto(proto).status()) == "directions[1]: expected INBOUND or OUTBOUND");
  proto.clear_directions();
  proto.clear_organization();
  CHECK(Message(FromProto(proto).status()).starts_with("organization: "));
}

}  // namespace penstock::wire
