// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/hook.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "engine/flow/hook_target.h"
#include "tests/support/vectors.h"

namespace penstock::flow {
namespace {

using rules::FlowDirection;

Hook ValidHook() {
  Hook hook;
  hook.name = "disclaimer";
  hook.target = "127.0.0.1:50051";
  return hook;
}

Permission ValidPermission() {
  Permission permission;
  permission.statement_id = "s1";
  permission.organization = "default";
  return permission;
}

std::string Fault(const Hook& hook) {
  return std::string(Message(Validate(hook)));
}

}  // namespace

TEST_CASE("Hook: targets, and plain text beyond loopback only if allowed by name", "[flow][hook]") {
  for (const tests::Vector& v : tests::LoadVectors("flow/hook_target.json")) {
    DYNAMIC_SECTION(v.name) {
      const std::string want = v.want;
      Hook hook = ValidHook();
      hook.target = v.input.get<std::string>();
      CHECK(IsLocalTarget(hook.target) == (want == "local"));
      CHECK(Validate(hook).ok() == (want == "local"));
      hook.plain_text_allowed = true;
      CHECK(Validate(hook).ok() == (want != "refused"));
      hook.plain_text_allowed = false;
      hook.tls = HookTls{};
      hook.tls->server_name = "hook.example";
      CHECK(Validate(hook).ok() == (want != "refused"));
    }
  }
}

TEST_CASE("Hook: TLS to several addresses needs the name that all their certificates carry",
          "[flow][hook][P3]") {
  Hook hook = ValidHook();
  hook.target = "ipv4:192.0.2.1:1,192.0.2.2:1";
  hook.tls = HookTls{};
  CHECK(Fault(hook).starts_with("tls.server_name: missing"));
  hook.target = "ipv4:192.0.2.1:1";
  CHECK(Fault(hook).empty());
}

TEST_CASE("AddressesOf: what a target names, for whoever connects without gRPC", "[flow][hook]") {
  using Addresses = std::vector<std::string>;
  CHECK(AddressesOf("hook.example:50051") == Addresses{"hook.example:50051"});
  CHECK(AddressesOf("dns:///[::1]:50051") == Addresses{"[::1]:50051"});
  CHECK(AddressesOf("ipv4:192.0.2.1:1,192.0.2.2:1") == Addresses{"192.0.2.1:1", "192.0.2.2:1"});
  CHECK(AddressesOf("unix:///run/hook.sock") == Addresses{"unix:/run/hook.sock"});
  CHECK(AddressesOf("unix-abstract:hook").empty());
  CHECK(AddressesOf("nonsense").empty());
}

TEST_CASE("Hook: nobody may call it before a statement says so", "[flow][hook][P1]") {
  Hook hook = ValidHook();
  CHECK(!MayInvoke(hook, "default", FlowDirection::kInbound));
  hook.permissions.push_back(ValidPermission());
  CHECK(MayInvoke(hook, "default", FlowDirection::kInbound));
  CHECK(MayInvoke(hook, "default", FlowDirection::kOutbound));
  CHECK(!MayInvoke(hook, "other", FlowDirection::kInbound));
  CHECK(!MayInvoke(hook, "Default", FlowDirection::kInbound));
  CHECK(!MayRead(hook, "default", FlowDirection::kInbound));
  CHECK(!MayReplace(hook, "default", FlowDirection::kInbound));
}

TEST_CASE("Hook: a grant is for its direction and its verbs alone", "[flow][hook][P1]") {
  Hook hook = ValidHook();
  hook.permissions = {ValidPermission(), ValidPermission()};
  hook.permissions[0].outbound = false;
  hook.permissions[1].statement_id = "s2";
  hook.permissions[1].inbound = false;
  hook.permissions[1].read = true;
  CHECK(MayInvoke(hook, "default", FlowDirection::kInbound));
  CHECK(MayInvoke(hook, "default", FlowDirection::kOutbound));
  CHECK(!MayRead(hook, "default", FlowDirection::kInbound));
  CHECK(MayRead(hook, "default", FlowDirection::kOutbound));
  CHECK(!MayReplace(hook, "default", FlowDirection::kOutbound));
  hook.permissions[1].invoke = false;
  CHECK(!MayRead(hook, "default", FlowDirection::kOutbound));
}

TEST_CASE("Hook: a fault names its field", "[flow][hook]") {
  CHECK(Validate(ValidHook()) == OkStatus());
  Hook hook = ValidHook();
  hook.name = "a b";
  CHECK(Fault(hook).starts_with("name: hook name \"a b\": "));
  hook = ValidHook();
  hook.target = "192.0.2.1:1";
  CHECK(Fault(hook).starts_with("target: \"192.0.2.1:1\": plain text beyond this machine"));
  hook = ValidHook();
  hook.target = "nowhere";
  CHECK(Fault(hook).starts_with("target: \"nowhere\": expected "));
  hook.target = Cat("unix:/", std::string(limits::kHookTargetOctetsMax, 'a'));
  CHECK(Fault(hook) == "target: over 4096 octets");
  hook = ValidHook();
  hook.sync_deadline = std::chrono::milliseconds(10);
  CHECK(Validate(hook).ok());
  hook.sync_deadline = std::chrono::milliseconds(9);
  CHECK(Fault(hook) == "sync_deadline: 9ms is not within 10ms and 15s");
  hook.sync_deadline = limits::kSyncCallDeadline + std::chrono::milliseconds(1);
  CHECK(Fault(hook).starts_with("sync_deadline: "));
  hook = ValidHook();
  hook.async_deadline = limits::kAsyncCallDeadlineMax;
  CHECK(Validate(hook).ok());
  hook.async_deadline += std::chrono::milliseconds(1);
  CHECK(Fault(hook).starts_with("async_deadline: "));
  hook.async_deadline = std::chrono::milliseconds(999);
  CHECK(Fault(hook) == "async_deadline: 999ms is not within 1s and 15m");
  hook = ValidHook();
  hook.max_concurrent_calls = 0;
  CHECK(Fault(hook) == "max_concurrent_calls: 0 is not within 1 and 10000");
  hook = ValidHook();
  hook.async_retries = -1;
  CHECK(Fault(hook) == "async_retries: -1 is not within 0 and 10");
  hook = ValidHook();
  hook.async_queue_max = limits::kAsyncEventsCeiling + 1;
  CHECK(Fault(hook).starts_with("async_queue_max: "));
  hook = ValidHook();
  hook.dead_letters_max = 0;
  CHECK(Fault(hook).starts_with("dead_letters_max: "));
  hook = ValidHook();
  hook.labels["team"] = std::string(256, 'a');
  CHECK(Fault(hook) == "labels: \"team\": over 255 octets");
  hook = ValidHook();
  hook.description = std::string(1025, 'a');
  CHECK(Fault(hook) == "description: over 1024 octets");
}

TEST_CASE("Hook: a certificate and its key come together", "[flow][hook][P3]") {
  Hook hook = ValidHook();
  hook.tls = HookTls{};
  hook.tls->certificate_file = "a.pem";
  CHECK(Fault(hook) == "tls.key_file: missing beside `tls.certificate_file`");
  hook.tls->key_file = "a.key";
  CHECK(Validate(hook).ok());
  hook.tls->certificate_file.clear();
  CHECK(Fault(hook) == "tls.certificate_file: missing beside `tls.key_file`");
}

TEST_CASE("Permission: grants something to somebody, under a name of its own", "[flow][hook][P1]") {
  Hook hook = ValidHook();
  hook.permissions = {ValidPermission(), ValidPermission()};
  CHECK(Fault(hook) == "permissions[1].statement_id: \"s1\": another statement has this id");
  hook.permissions = {ValidPermission()};
  hook.permissions[0].inbound = hook.permissions[0].outbound = false;
  CHECK(Fault(hook) == "permissions[0].directions: none; expected INBOUND, OUTBOUND or both");
  hook.permissions = {ValidPermission()};
  hook.permissions[0].invoke = false;
  CHECK(Fault(hook) == "permissions[0].grants: without INVOKE nothing is granted");
  hook.permissions = {ValidPermission()};
  hook.permissions[0].organization.clear();
  CHECK(Fault(hook).starts_with("permissions[0].organization: "));
}

}  // namespace penstock::flow
