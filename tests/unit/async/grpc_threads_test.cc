// SPDX-License-Identifier: Apache-2.0
#include "engine/async/grpc_threads.h"

#include <chrono>
#include <future>
#include <memory>

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <catch2/catch.hpp>

namespace {

struct Gone {
  ~Gone() { promise.set_value(); }

  std::promise<void> promise;
};

struct LastCall {
  Gone gone;  // last
  std::unique_ptr<grpc::GenericStub> stub;
  grpc::ClientContext context;
  grpc::Slice nothing;
  grpc::ByteBuffer request{&nothing, 1};
  grpc::ByteBuffer response;
};

}  // namespace

// Without KeepGrpcThreads gRPC aborts the process, sooner or later.
TEST_CASE("GrpcThreads: the last channel may go on a thread that calls back") {
  penstock::async::KeepGrpcThreads();
  for (int i = 0; i < 1000; ++i) {
    auto call = std::make_shared<LastCall>();
    call->stub = std::make_unique<grpc::GenericStub>(
        grpc::CreateChannel("unix:/", grpc::InsecureChannelCredentials()));
    call->context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(1));
    const auto gone = call->gone.promise.get_future();
    LastCall& last = *call;
    last.stub->UnaryCall(&last.context, "/none/None", {}, &last.request, &last.response,
                         [call](const grpc::Status&) mutable { call.reset(); });
    call.reset();
    REQUIRE(gone.wait_for(std::chrono::seconds(30)) == std::future_status::ready);
  }
}
