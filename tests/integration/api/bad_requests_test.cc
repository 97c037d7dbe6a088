// SPDX-License-Identifier: Apache-2.0
// Every admin call answers bad input with INVALID_ARGUMENT and the path of the field, by vectors.
#include <memory>
#include <set>
#include <string>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/byte_buffer.h>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "tests/integration/api/services_fixture.h"
#include "tests/support/vectors.h"

#include "penstock/v1/changes.pb.h"
#include "penstock/v1/dead_letters.pb.h"
#include "penstock/v1/hooks.grpc.pb.h"
#include "penstock/v1/manifest.pb.h"
#include "penstock/v1/messages.pb.h"

namespace penstock::api {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

const char* const kServices[] = {"OrganizationService", "HookRegistryService", "FlowRuleService",
                                 "ManifestService",     "ChangeService",       "MessageService",
                                 "DeadLetterService"};

const ServiceDescriptor& ServiceOf(const std::string& name) {
  const auto* service =
      DescriptorPool::generated_pool()->FindServiceByName(Cat("penstock.v1.", name));
  REQUIRE(service != nullptr);
  return *service;
}

// The request of `method` that `json` says, on the wire.
grpc::ByteBuffer RequestOf(const MethodDescriptor& method, const std::string& json) {
  const auto* prototype =
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(method.input_type());
  const std::unique_ptr<google::protobuf::Message> request(prototype->New());
  const auto read = google::protobuf::util::JsonStringToMessage(json, request.get());
  INFO(read.ToString());
  REQUIRE(read.ok());
  const grpc::Slice octets(request->SerializeAsString());
  return {&octets, 1};
}

struct Refusal {
  grpc::Status status;
  v1::ErrorInfo info;
};

// A call that streams its answer is refused like any other.
Refusal Ask(Fixture& fixture, const MethodDescriptor& method, const grpc::ByteBuffer& request) {
  grpc::GenericStub stub(fixture.channel());
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  Refusal refusal;
  grpc::ByteBuffer response;
  auto call = stub.PrepareUnaryCall(
      &context, Cat("/", method.service()->full_name(), "/", method.name()), request, &queue);
  call->StartCall();
  call->Finish(&response, &refusal.status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  REQUIRE(queue.Next(&tag, &ok));
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto found = trailers.find("penstock-error-info-bin");
  if (found != trailers.end()) {
    refusal.info.ParseFromArray(found->second.data(), static_cast<int>(found->second.size()));
  }
  return refusal;
}

void SetUp(Fixture& fixture) {
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
  REQUIRE(fixture.CreateRule("default", "r", {"a.example"}).ok());
}

}  // namespace

TEST_CASE("AdminServices: bad input is refused with the path of its field", "[api][errors]") {
  Fixture fixture;
  SetUp(fixture);
  const auto changes = fixture.store().changes().size();
  std::set<std::string> called;
  for (const tests::Vector& v : tests::LoadVectors("api/bad_requests.json")) {
    const std::string name = v.input["call"];
    INFO(v.name << ": " << v.input["request"].dump());
    const auto pieces = Split(name, '/');
    REQUIRE(pieces.size() == 2);
    const MethodDescriptor* method =
        ServiceOf(std::string(pieces[0])).FindMethodByName(std::string(pieces[1]));
    REQUIRE(method != nullptr);
    const auto refused = Ask(fixture, *method, RequestOf(*method, v.input["request"].dump()));
    INFO(refused.status.error_message());
    CHECK(refused.status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
    CHECK(refused.info.reason() == "INVALID_ARGUMENT");
    CHECK(refused.info.field() == v.want["field"].get<std::string>());
    called.insert(name);
  }
  CHECK(fixture.store().changes().size() == changes);
  for (const char* name : kServices) {
    const ServiceDescriptor& service = ServiceOf(name);
    for (int i = 0; i < service.method_count(); ++i) {
      const MethodDescriptor& method = *service.method(i);
      INFO(method.full_name());
      CHECK((method.input_type()->field_count() == 0 ||
             called.contains(Cat(name, "/", method.name()))));
    }
  }
}

}  // namespace penstock::api
