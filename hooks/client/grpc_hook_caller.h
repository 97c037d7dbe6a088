// SPDX-License-Identifier: Apache-2.0
// Calls hooks over gRPC: the port ports::HookCaller with real channels. One channel a hook, kept
// while its registration stays the same; gRPC resolves names, goes round the endpoints that are
// well, and reconnects (H13).
#pragma once

#include <map>
#include <memory>
#include <string>

#include "engine/base/mutex.h"
#include "engine/ports/clock.h"
#include "engine/ports/hook_caller.h"

namespace grpc {
class Channel;
}

namespace penstock::hook_client {

// Threads: safe from any.
class GrpcHookCaller final : public ports::HookCaller {
 public:
  // `clock` outlives it.
  explicit GrpcHookCaller(const ports::Clock& clock);
  ~GrpcHookCaller() override;

  async::Task<flow::Answer> Call(ports::HookCall call) override;

 private:
  struct Endpoint {
    std::shared_ptr<const flow::Hook> hook;  // that the channel was made for
    std::shared_ptr<grpc::Channel> channel;
  };

  // Errors: kInvalidArgument for TLS files that cannot be read, naming the file.
  StatusOr<std::shared_ptr<grpc::Channel>> ChannelOf(const std::shared_ptr<const flow::Hook>& hook);

  const ports::Clock& clock_;
  Mutex mutex_;
  std::map<std::string, Endpoint> endpoints_
      ABSL_GUARDED_BY(mutex_);  // by hook; bounded by their number
};

}  // namespace penstock::hook_client
