// SPDX-License-Identifier: Apache-2.0
// Calls hooks over gRPC: the port ports::HookCaller with real channels. One channel a hook, kept
// while its registration stays the same; gRPC resolves names, goes round the endpoints that are
// well, and reconnects (H13). Hooks registered with `stream` get their calls on a HookStream,
// unless they do not offer one. A certificate that is renewed counts for new connections (P3).
#pragma once

#include <map>
#include <memory>
#include <string>

#include "engine/async/timer.h"
#include "engine/async/tls_context.h"
#include "engine/base/mutex.h"
#include "engine/ports/clock.h"
#include "engine/ports/hook_caller.h"
#include "hooks/client/hook_stream.h"

#include "penstock/v1/hook.grpc.pb.h"

namespace penstock::hook_client {

// Threads: safe from any.
class GrpcHookCaller final : public ports::HookCaller {
 public:
  // `clock` outlives it.
  explicit GrpcHookCaller(const ports::Clock& clock);
  ~GrpcHookCaller() override;

  async::Task<flow::Answer> Call(ports::HookCall call) override;
  ports::HookState StateOf(const flow::Hook& hook) override;

 private:
  struct Endpoint {
    std::shared_ptr<const flow::Hook> hook;              // that the channel was made for
    std::shared_ptr<async::TlsContext> tls;              // null: plain text
    std::shared_ptr<const async::TlsMaterial> material;  // likewise
    std::shared_ptr<grpc::Channel> channel;
    std::shared_ptr<v1::HookService::Stub> stub;
    std::shared_ptr<v1::HookStreamService::Stub> stream_stub;
    std::shared_ptr<HookStream> stream;          // null: none is open
    async::SteadyClock::time_point next_stream;  // not before, for the hook offers none
    std::string fault;                           // why there is no connection, when last looked at
    async::SteadyClock::time_point fault_time;
  };

  // How a call goes.
  struct Way {
    std::shared_ptr<v1::HookService::Stub> stub;
    std::shared_ptr<HookStream> stream;  // set: by it
  };

  void Fill(const ports::HookCall& call, v1::InvokeRequest& request) const;
  // Errors: kInvalidArgument for TLS files that are no good, naming the file.
  StatusOr<Way> WayTo(const std::shared_ptr<const flow::Hook>& hook);
  async::Task<flow::Answer> CallOn(Way way, const ports::HookCall& call);
  // What is wrong with the connection, where gRPC has none; else `failure`.
  async::asio::awaitable<Status> WhyFailed(std::shared_ptr<const flow::Hook> hook, Status failure);
  void KeepFault(const flow::Hook& hook, const std::string& fault);
  void OffersNoStream(const std::string& hook);

  const ports::Clock& clock_;
  Mutex mutex_;
  std::map<std::string, Endpoint> endpoints_
      ABSL_GUARDED_BY(mutex_);  // by hook; bounded by their number
};

}  // namespace penstock::hook_client
