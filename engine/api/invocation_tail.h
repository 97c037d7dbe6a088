// SPDX-License-Identifier: Apache-2.0
// Streams to a watcher what comes of hooks' calls (runtime/hook_tail.h).
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include "engine/api/admin_context.h"

#include "penstock/v1/hooks.pb.h"

namespace penstock::api {

// Answers a TailInvocations call: returns the reactor that does, which ends by itself.
// Threads: gRPC's, and those that tell the lines.
grpc::ServerWriteReactor<v1::TailInvocationsResponse>* TailInvocations(
    AdminContext& admin, grpc::CallbackServerContext* context,
    const v1::TailInvocationsRequest& request);

}  // namespace penstock::api
