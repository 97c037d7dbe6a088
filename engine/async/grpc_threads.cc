// SPDX-License-Identifier: Apache-2.0
#include "engine/async/grpc_threads.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

namespace penstock::async {
namespace {

// A channel holds the threads from its first call on, however that ends: nobody listens there.
struct Hold {
  Hold() {
    stub.UnaryCall(&context, "/none/None", {}, &request, &response, [](const grpc::Status&) {});
    context.TryCancel();
  }

  grpc::GenericStub stub{grpc::CreateChannel("unix:/", grpc::InsecureChannelCredentials())};
  grpc::ClientContext context;
  grpc::Slice nothing;
  grpc::ByteBuffer request{&nothing, 1};
  grpc::ByteBuffer response;
};

}  // namespace

void KeepGrpcThreads() {
  // Never destroyed. Not on the heap: a pointer that nobody reads is no root for LeakSanitizer.
  static union Kept {
    Kept() : hold() {}

    ~Kept() {}

    Hold hold;
  } kept;
}

}  // namespace penstock::async
