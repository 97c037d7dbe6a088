// SPDX-License-Identifier: Apache-2.0
// Calls a hook by hand, without mail: what `hook check` and `hook register` look at. One channel of
// its own, whose connections the engine's do not share. Every call blocks, until its deadline at
// most.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <grpcpp/channel.h>

#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/flow/hook.h"

#include "penstock/v1/hook.grpc.pb.h"
#include "penstock/v1/hook_stream.grpc.pb.h"

namespace penstock::hook_client {

// Threads: safe from any.
class HookProbe {
 public:
  // Connects to nothing yet. Errors: kInvalidArgument for TLS files that cannot be used.
  static StatusOr<HookProbe> Open(const flow::Hook& hook);

  // Connects. Errors: kUnavailable, with what gRPC says of the endpoint.
  Status Connect(Milliseconds timeout);

  // Makes one call. Errors: kDeadlineExceeded; what gRPC or the hook says.
  StatusOr<v1::InvokeResponse> Invoke(const v1::InvokeRequest& request, Milliseconds timeout);

  // Makes a call and cancels it `after` that; whatever comes of it.
  void InvokeAndCancel(const v1::InvokeRequest& request, Milliseconds after);

  // Sends all on one stream; returns the answers in the order of the requests.
  //   Errors: kUnimplemented if the hook offers no stream; kInvalidArgument for an answer to a call
  //   that was not made or was answered; what a call failed with.
  StatusOr<std::vector<v1::InvokeResponse>> Exchange(const std::vector<v1::InvokeRequest>& requests,
                                                     Milliseconds timeout);

  // What grpc.health.v1.Health/Watch says first of the server as a whole: "SERVING".
  //   Errors: kUnimplemented if the hook has no such service, which counts as healthy (H13).
  StatusOr<std::string> Health(Milliseconds timeout);

  // The services that server reflection lists. Errors: kUnimplemented if it has none.
  StatusOr<std::vector<std::string>> Services(Milliseconds timeout);

 private:
  explicit HookProbe(std::shared_ptr<grpc::Channel> channel);

  // Opens a stream, sends `request` and returns what comes first, both serialized.
  StatusOr<std::string> FirstMessage(const std::string& method, const std::string& request,
                                     Milliseconds timeout);

  std::shared_ptr<grpc::Channel> channel_;
  std::shared_ptr<v1::HookService::Stub> stub_;
};

}  // namespace penstock::hook_client
