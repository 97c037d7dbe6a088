// SPDX-License-Identifier: Apache-2.0
// The one bridge from gRPC's callback API to an Asio coroutine. gRPC's thread does nothing of ours
// but hand the result over to the coroutine's executor. Cancelling the coroutine cancels the call.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "engine/async/task.h"

namespace penstock::async {

// What a unary call needs while it runs; owned by gRPC's callback until that has run, so that a
// coroutine that is gone takes nothing away from it.
template <class Request, class Response>
struct UnaryCall {
  grpc::ClientContext context;
  Request request;
  Response response;
};

// Starts the call by `start(context, request, response, callback)` and awaits its end.
// `start` is typically a lambda around `stub->async()->Method(...)`, named before the co_await.
template <class Request, class Response, class Start>
asio::awaitable<grpc::Status> AwaitUnary(std::shared_ptr<UnaryCall<Request, Response>> call,
                                         Start start) {
  auto initiate = [call, start](auto handler) {
    auto slot = asio::get_associated_cancellation_slot(handler);
    if (slot.is_connected()) {
      slot.assign([weak = std::weak_ptr(call)](asio::cancellation_type) {
        if (auto alive = weak.lock()) alive->context.TryCancel();
      });
    }
    auto executor = asio::get_associated_executor(handler);
    auto work = asio::make_work_guard(executor);
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));  // std::function copies
    start(&call->context, &call->request, &call->response,
          [shared, work, call, executor](grpc::Status status) {
            asio::post(executor, [shared, status = std::move(status)]() mutable {
              auto done = asio::get_associated_cancellation_slot(*shared);
              if (done.is_connected()) done.clear();
              std::move (*shared)(std::move(status));
            });
          });
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(grpc::Status)>(
      initiate, asio::use_awaitable);
}

// The same code and text; the numbers of gRPC and Abseil are equal by design.
inline Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return OkStatus();
  return MakeStatus(static_cast<StatusCode>(status.error_code()), status.error_message());
}

inline grpc::Status ToGrpc(const Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return {static_cast<grpc::StatusCode>(status.code()), std::string(Message(status))};
}

}  // namespace penstock::async
