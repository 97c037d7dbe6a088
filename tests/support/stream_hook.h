// SPDX-License-Identifier: Apache-2.0
// A hook's side of HookStreamService: what comes on a stream goes to a function, which answers.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <utility>

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include "engine/base/mutex.h"

#include "penstock/v1/hook_stream.grpc.pb.h"

namespace penstock::tests {

// One stream, until gRPC is done with it.
class HookStreamSide final
    : public grpc::ServerBidiReactor<v1::ExchangeRequest, v1::ExchangeResponse> {
 public:
  using Take = std::function<void(const v1::ExchangeRequest&, HookStreamSide&)>;

  explicit HookStreamSide(const Take& take) : take_(take) { StartRead(&request_); }

  // Threads: any, until the stream has ended.
  void Send(v1::ExchangeResponse response) {
    const MutexLock lock(mutex_);
    if (end_) return;
    responses_.push_back(std::move(response));
    if (responses_.size() == 1) StartWrite(&responses_.front());
  }

  // Ends the stream, once what was sent before is written.
  void End(grpc::Status status) {
    const MutexLock lock(mutex_);
    if (end_) return;
    end_ = std::move(status);
    if (responses_.empty()) Finish(*end_);
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return End(grpc::Status::OK);
    take_(request_, *this);
    StartRead(&request_);
  }

  void OnWriteDone(bool /*ok*/) override {
    const MutexLock lock(mutex_);
    responses_.pop_front();
    if (!responses_.empty()) {
      StartWrite(&responses_.front());
    } else if (end_) {
      Finish(*end_);
    }
  }

  void OnDone() override { delete this; }

  const Take& take_;
  v1::ExchangeRequest request_;
  Mutex mutex_;
  std::deque<v1::ExchangeResponse> responses_ ABSL_GUARDED_BY(mutex_);
  std::optional<grpc::Status> end_ ABSL_GUARDED_BY(mutex_);
};

// `take` runs on gRPC's threads, for several streams at a time.
class StreamHook final : public v1::HookStreamService::CallbackService {
 public:
  explicit StreamHook(HookStreamSide::Take take) : take_(std::move(take)) {}

  grpc::ServerBidiReactor<v1::ExchangeRequest, v1::ExchangeResponse>* Exchange(
      grpc::CallbackServerContext* /*context*/) override {
    return new HookStreamSide(take_);
  }

 private:
  const HookStreamSide::Take take_;
};

}  // namespace penstock::tests
