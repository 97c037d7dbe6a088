// SPDX-License-Identifier: Apache-2.0
// From a call of gRPC's callback API to a coroutine on the engine's executor and back. gRPC's
// thread does nothing but start it.
//
//   grpc::ServerUnaryReactor* GetHook(grpc::CallbackServerContext* context,
//                                     const v1::GetHookRequest* request, v1::Hook* response) {
//     return RunUnary(admin_, context, response, Get(*request));   // async::Task<v1::Hook> Get(…)
//   }
//
// A call that its client has given up before it began is not begun. One that has begun runs to its
// end: a change is made or not made, never half, and nothing here waits longer than a commit, but
// for a trial of a hook, which looks whether its client is still there (hook_trial.h).
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include "engine/api/admin_context.h"
#include "engine/async/grpc_call.h"
#include "engine/async/strand.h"

namespace penstock::api {

// Adds the ErrorInfo that goes with `status` to the trailing metadata: `reason`, or else its code,
// the field that its text begins with, the command that its text ends with.
void AddErrorInfo(grpc::CallbackServerContext& context, const Status& status,
                  std::string_view reason = {});

// Returns who makes a change, for the record (R14): over TCP the subject of his certificate, such
// as "CN=alice,O=Example"; on the unix socket "unproven:NAME" with the name that the client sends
// in the metadata `penstock-user`.
std::string CallerOf(const grpc::CallbackServerContext& context);

// `request` lives until the call is finished, so `work` may refer to it.
template <class Response>
grpc::ServerUnaryReactor* RunUnary(AdminContext& admin, grpc::CallbackServerContext* context,
                                   Response* response, async::Task<Response> work);

// ---- implementation

namespace unary_call_internal {

template <class Response>
async::asio::awaitable<void> Answer(grpc::CallbackServerContext* context,
                                    grpc::ServerUnaryReactor* reactor, Response* response,
                                    async::Task<Response> work) {
  if (context->IsCancelled()) {
    reactor->Finish(grpc::Status::CANCELLED);
    co_return;
  }
  StatusOr<Response> result = co_await std::move(work);
  if (result.ok()) {
    *response = *std::move(result);
  } else {
    AddErrorInfo(*context, result.status());
  }
  reactor->Finish(async::ToGrpc(result.status()));
}

}  // namespace unary_call_internal

template <class Response>
grpc::ServerUnaryReactor* RunUnary(AdminContext& admin, grpc::CallbackServerContext* context,
                                   Response* response, async::Task<Response> work) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const async::Executor strand = async::MakeStrand(admin.executor);
  admin.tasks.Spawn(strand,
                    unary_call_internal::Answer(context, reactor, response, std::move(work)),
                    "admin call");
  return reactor;
}

}  // namespace penstock::api
