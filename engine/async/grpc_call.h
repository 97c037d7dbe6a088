// SPDX-License-Identifier: Apache-2.0
// The one bridge from gRPC's callback API to an Asio coroutine, which goes on at once on gRPC's
// thread where its executor is a Pool's, and else is handed over. Cancelling the coroutine cancels
// the call.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

#include <google/protobuf/arena.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "engine/async/pool.h"
#include "engine/async/task.h"

namespace penstock::async {

// What a unary call needs while it runs; owned by gRPC's callback until that has run, so that a
// coroutine that is gone takes nothing away from it. Small messages need no memory of their own.
template <class Request, class Response>
struct UnaryCall {
  UnaryCall() = default;
  UnaryCall(const UnaryCall&) = delete;
  UnaryCall& operator=(const UnaryCall&) = delete;

  grpc::ClientContext context;
  alignas(std::max_align_t) std::array<char, 2048> memory;
  google::protobuf::Arena arena{memory.data(), memory.size()};
  Request& request = *google::protobuf::Arena::CreateMessage<Request>(&arena);
  Response& response = *google::protobuf::Arena::CreateMessage<Response>(&arena);
};

// Ends the wait of a coroutine: called once, on any thread. Of the pool of the coroutine's executor
// this thread is a guest meanwhile, so that the coroutine goes on right here.
template <class Handler>
class Resume {
 public:
  explicit Resume(Handler handler)
      : handler_(std::move(handler)), work_(asio::get_associated_executor(handler_)) {}

  template <class Result>
  void operator()(Result result) {
    const GuestTurn turn;
    const auto executor = work_.get_executor();
    // Posted, for it may be called before the coroutine waits.
    asio::post(executor, [handler = std::move(handler_), work = std::move(work_),
                          result = std::move(result)]() mutable {
      auto slot = asio::get_associated_cancellation_slot(handler);
      if (slot.is_connected()) slot.clear();
      std::move(handler)(std::move(result));
    });
  }

 private:
  Handler handler_;
  asio::executor_work_guard<asio::associated_executor_t<Handler>> work_;
};

// Calls `start(done)` and awaits done(result), which comes once, from any thread. Cancelling the
// coroutine calls `cancel()`; done is to come all the same.
template <class Result, class Start, class Cancel>
asio::awaitable<Result> AwaitCallback(Start start, Cancel cancel) {
  auto initiate = [&start, &cancel](auto handler) {
    auto slot = asio::get_associated_cancellation_slot(handler);
    if (slot.is_connected()) slot.assign([cancel](asio::cancellation_type) { cancel(); });
    start(Resume<decltype(handler)>(std::move(handler)));
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result)>(
      initiate, asio::use_awaitable);
}

// Starts the call by `start(context, request, response, callback)` and awaits its end.
// `start` is typically a lambda around `stub->async()->Method(...)`, named before the co_await.
template <class Request, class Response, class Start>
asio::awaitable<grpc::Status> AwaitUnary(std::shared_ptr<UnaryCall<Request, Response>> call,
                                         Start start) {
  auto cancel = [weak = std::weak_ptr(call)] {
    if (auto alive = weak.lock()) alive->context.TryCancel();
  };
  auto begin = [call = std::move(call), start = std::move(start)](auto done) {
    // gRPC copies its callback again and again, and calls it once.
    struct Waiting {
      std::shared_ptr<UnaryCall<Request, Response>> call;
      decltype(done) resume;
    };
    auto* waiting = new Waiting{call, std::move(done)};
    start(&call->context, &call->request, &call->response, [waiting](grpc::Status status) {
      const std::unique_ptr<Waiting> ended(waiting);
      ended->resume(std::move(status));
    });
  };
  return AwaitCallback<grpc::Status>(std::move(begin), std::move(cancel));
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
