// SPDX-License-Identifier: Apache-2.0
// Calls the daemon's admin services over its unix socket, or over TCP with a certificate. One
// thread; a call blocks until its answer or the deadline of the whole command.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>
#include <grpcpp/support/sync_stream.h>

#include "engine/async/tls_files.h"
#include "engine/base/status.h"
#include "engine/base/time.h"

#include "penstock/v1/error.pb.h"

namespace penstock::cli {

// Where the daemon is: at one of the two.
struct DaemonAddress {
  std::string socket;   // path of a unix socket
  std::string tcp;      // "host:port"; if set, `socket` does not count
  async::TlsFiles tls;  // over TCP: our certificate and key, and the authorities of the daemon's
  std::string server_name;  // that the daemon's certificate must carry; empty: the host of `tcp`
};

// A call that streams, for whoever ends it. Threads: Cancel from any.
class Stream {
 public:
  // Ends the call, or keeps it from beginning.
  void Cancel() {
    cancelled_ = true;
    context_.TryCancel();
  }

 private:
  friend class Client;
  grpc::ClientContext context_;
  std::atomic<bool> cancelled_{false};
};

class Client {
 public:
  // `timeout` bounds all calls together and begins with the first one; `is_wish` says that whoever
  // types has asked for it.
  Client(DaemonAddress address, Milliseconds timeout, bool is_wish);

  // For a call that takes its time: waits so long at least, if nobody wishes otherwise. Before the
  // first call.
  void AllowFor(Milliseconds timeout);

  // The timeout begins anew with the next call: for work in many steps.
  void RenewDeadline();

  // Whether the daemon is asked over TCP, so perhaps on another machine.
  [[nodiscard]] bool is_remote() const { return !address_.tcp.empty(); }

  // Makes one call of `Service`.
  //   Errors: the daemon's, with its text; error_info() says more. kUnavailable if it cannot be
  //   reached or does not answer, with what to check; unreachable() is true then.
  template <class Service, class Request, class Response>
  Status Call(grpc::Status (Service::Stub::*method)(grpc::ClientContext*, const Request&,
                                                    Response*),
              const Request& request, Response* response) {
    grpc::ClientContext context;
    Status ready = Begin(context);
    if (!ready.ok()) return ready;
    const auto stub = Service::NewStub(channel_);
    return End((stub.get()->*method)(&context, request, response), context);
  }

  // Makes one call of `Service` that streams, without a deadline: calls `begun` when the daemon has
  // taken it, and `take` with each response. OK after stream.Cancel().
  //   Errors: those of Call.
  template <class Service, class Request, class Response>
  Status Watch(std::unique_ptr<grpc::ClientReader<Response>> (Service::Stub::*method)(
                   grpc::ClientContext*, const Request&),
               const Request& request, Stream& stream, const std::function<void()>& begun,
               const std::function<void(const Response&)>& take) {
    Status ready = Begin(stream.context_);
    if (!ready.ok()) return ready;
    stream.context_.set_deadline(gpr_inf_future(GPR_CLOCK_MONOTONIC));
    const auto stub = Service::NewStub(channel_);
    const auto reader = (stub.get()->*method)(&stream.context_, request);
    reader->WaitForInitialMetadata();
    if (HasBegun(stream.context_)) begun();
    Response response;
    while (reader->Read(&response))
      take(response);
    const grpc::Status ended = reader->Finish();
    if (stream.cancelled_) return OkStatus();
    Status status = End(ended, stream.context_);
    // What the daemon stops in the midst of is as good as unanswered.
    unreachable_ |= status.code() == StatusCode::kUnavailable;
    return status;
  }

  // Whether the last call failed without an answer of the daemon.
  [[nodiscard]] bool unreachable() const { return unreachable_; }

  // What the daemon said beside the text of its last error.
  [[nodiscard]] const v1::ErrorInfo& error_info() const { return error_info_; }

 private:
  Status Connect();
  Status Begin(grpc::ClientContext& context);
  static bool HasBegun(const grpc::ClientContext& context);
  Status End(const grpc::Status& status, const grpc::ClientContext& context);

  DaemonAddress address_;
  Milliseconds timeout_;
  bool is_wish_;
  std::shared_ptr<grpc::Channel> channel_;
  gpr_timespec deadline_{};
  bool unreachable_ = false;
  v1::ErrorInfo error_info_;
};

}  // namespace penstock::cli
