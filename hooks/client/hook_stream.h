// SPDX-License-Identifier: Apache-2.0
// Many calls of one hook on one long-lived stream (HookStreamService). Each has its number, its
// deadline and its cancellation; a stream that breaks fails those that wait with kUnavailable, and
// they are tried again as any failed attempt is (H3).
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>

#include <grpcpp/alarm.h>
#include <grpcpp/client_context.h>

#include "absl/functional/any_invocable.h"

#include "engine/async/task.h"
#include "engine/async/timer.h"
#include "engine/base/mutex.h"
#include "engine/base/time.h"

#include "penstock/v1/hook_stream.grpc.pb.h"

namespace penstock::hook_client {

// Threads: safe from any. Lives until gRPC is done with it, whoever else has let go of it.
class HookStream final
    : public std::enable_shared_from_this<HookStream>,
      private grpc::ClientBidiReactor<v1::ExchangeRequest, v1::ExchangeResponse> {
 public:
  static std::shared_ptr<HookStream> Open(v1::HookStreamService::Stub& stub);

  // Sends the call, which gets its number here, and awaits its answer.
  //   Errors: kDeadlineExceeded after `timeout`, an answer that comes later is ignored; what the
  //   hook says; kUnavailable if the stream breaks; kUnimplemented if the hook has no such service.
  //   Cancelling the coroutine cancels the call.
  static async::Task<v1::InvokeResponse> Call(std::shared_ptr<HookStream> stream,
                                              v1::ExchangeRequest request, Milliseconds timeout);

  // Whether new calls should go to it: it has not broken, and is not worn out.
  [[nodiscard]] bool IsFresh() const;

  // Ends the stream once the calls on it have ended. No new ones are made.
  void Retire();

 private:
  struct StreamCall {
    v1::ExchangeRequest request;
    v1::InvokeResponse response;
    async::SteadyClock::time_point deadline;
    bool written = false;
    absl::AnyInvocable<void(Status)> done;
  };

  using CallPointer = std::shared_ptr<StreamCall>;

  struct Outgoing {
    CallPointer call;             // to be sent; or null
    v1::ExchangeRequest message;  // to be sent instead

    [[nodiscard]] v1::ExchangeRequest* get() { return call ? &call->request : &message; }
  };

  HookStream() = default;

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  void Submit(const CallPointer& call);
  void Cancel(const CallPointer& call);
  void LookAtDeadlines();
  // What is to be written now; null: nothing, or a write runs already.
  v1::ExchangeRequest* NextWrite() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void GiveUp(const CallPointer& call) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Arm(async::SteadyClock::time_point time) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndIfRetired() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const async::SteadyClock::time_point opened_ = async::SteadyClock::now();
  grpc::ClientContext context_;
  v1::ExchangeResponse incoming_;     // of the read that runs
  std::shared_ptr<HookStream> self_;  // until OnDone

  mutable Mutex mutex_;
  std::uint64_t last_call_ ABSL_GUARDED_BY(mutex_) = 0;
  std::unordered_map<std::uint64_t, CallPointer> waiting_ ABSL_GUARDED_BY(mutex_);
  // Of calls that wait, and for at most as many that do no more.
  std::deque<Outgoing> outgoing_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;                     // the first of them
  bool retired_ ABSL_GUARDED_BY(mutex_) = false;                     // no new calls
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;                      // the hook was told so
  async::SteadyClock::time_point end_time_ ABSL_GUARDED_BY(mutex_);  // it ends its side by then
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;          // nothing is read any more, or written
  std::optional<Status> ended_ ABSL_GUARDED_BY(mutex_);  // what becomes of calls that come now
  std::unique_ptr<grpc::Alarm> alarm_ ABSL_GUARDED_BY(mutex_);
  async::SteadyClock::time_point alarm_time_ ABSL_GUARDED_BY(mutex_);  // of use if alarm_ is set
};

}  // namespace penstock::hook_client
