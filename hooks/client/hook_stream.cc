// SPDX-License-Identifier: Apache-2.0
#include "hooks/client/hook_stream.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include <grpc/support/time.h>

#include "engine/async/grpc_call.h"
#include "engine/base/limits.h"
#include "engine/base/strings.h"

namespace penstock::hook_client {
namespace {

using async::SteadyClock;

Status FromFailure(const v1::CallFailure& failure) {
  const bool known =
      failure.code() > 0 && failure.code() <= static_cast<int>(grpc::UNAUTHENTICATED);
  const auto code = known ? static_cast<StatusCode>(failure.code()) : StatusCode::kUnknown;
  return MakeStatus(code, failure.message());
}

Status FromEnd(const grpc::Status& status) {
  if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) return async::FromGrpc(status);
  if (status.ok()) return Unavailable("the hook ended the stream without an answer");
  return Unavailable(Cat("the stream to the hook broke: ", status.error_message()));
}

Status NoAnswer(Milliseconds timeout) {
  return DeadlineExceeded(Cat("no complete answer within ", FormatDuration(timeout)));
}

}  // namespace

std::shared_ptr<HookStream> HookStream::Open(v1::HookStreamService::Stub& stub) {
  const std::shared_ptr<HookStream> stream(new HookStream);
  stream->self_ = stream;
  stub.async()->Exchange(&stream->context_, stream.get());
  stream->StartRead(&stream->incoming_);
  stream->AddHold();  // for writes from outside; until nothing is read or written any more
  stream->StartCall();
  return stream;
}

async::Task<v1::InvokeResponse> HookStream::Call(std::shared_ptr<HookStream> stream,
                                                 v1::ExchangeRequest request,
                                                 Milliseconds timeout) {
  auto call = std::make_shared<StreamCall>();
  call->request = std::move(request);
  call->deadline = SteadyClock::now() + timeout;
  auto start = [stream, call](auto done) {
    call->done = std::move(done);
    stream->Submit(call);
  };
  auto cancel = [stream, weak = std::weak_ptr(call)] {
    if (const CallPointer alive = weak.lock()) stream->Cancel(alive);
  };
  const Status status = co_await async::AwaitCallback<Status>(std::move(start), std::move(cancel));
  if (status.code() == StatusCode::kDeadlineExceeded) co_return NoAnswer(timeout);
  if (!status.ok()) co_return status;
  co_return std::move(call->response);
}

bool HookStream::IsFresh() const {
  const MutexLock lock(mutex_);
  return !broken_ && !retired_ && last_call_ < limits::kHookStreamCallsMax &&
         SteadyClock::now() - opened_ < limits::kHookStreamAgeMax;
}

void HookStream::Retire() {
  const MutexLock lock(mutex_);
  retired_ = true;
  EndIfRetired();
}

void HookStream::Submit(const CallPointer& call) {
  std::optional<Status> ended;
  v1::ExchangeRequest* write = nullptr;
  {
    const MutexLock lock(mutex_);
    ended = ended_;
    if (!ended) {
      call->request.set_call(++last_call_);
      waiting_.emplace(last_call_, call);  // of a broken stream OnDone ends it
      if (!broken_) {
        outgoing_.push_back({call, {}});
        write = NextWrite();
        Arm(call->deadline);
      }
    }
  }
  if (ended) call->done(*std::move(ended));
  if (write != nullptr) StartWrite(write);
}

void HookStream::Cancel(const CallPointer& call) {
  v1::ExchangeRequest* write = nullptr;
  {
    const MutexLock lock(mutex_);
    if (!waiting_.contains(call->request.call())) return;
    GiveUp(call);
    write = NextWrite();
  }
  if (write != nullptr) StartWrite(write);
  call->done(Cancelled("the call was cancelled"));
}

// Takes the call off. What was sent is taken back.
void HookStream::GiveUp(const CallPointer& call) {
  waiting_.erase(call->request.call());
  const auto unsent = std::find_if(outgoing_.begin() + (writing_ ? 1 : 0), outgoing_.end(),
                                   [&call](const Outgoing& one) { return one.call == call; });
  if (unsent != outgoing_.end()) {
    outgoing_.erase(unsent);
  } else if (!broken_) {
    Outgoing cancel;
    cancel.message.set_call(call->request.call());
    cancel.message.mutable_cancel();
    outgoing_.push_back(std::move(cancel));
  }
}

v1::ExchangeRequest* HookStream::NextWrite() {
  if (writing_ || broken_ || outgoing_.empty()) return nullptr;
  writing_ = true;
  return outgoing_.front().get();
}

void HookStream::OnWriteDone(bool ok) {
  v1::ExchangeRequest* write = nullptr;
  bool over = false;
  {
    const MutexLock lock(mutex_);
    if (ok && outgoing_.front().call) outgoing_.front().call->written = true;
    outgoing_.pop_front();
    writing_ = false;
    over = broken_;
    if (ok) write = NextWrite();  // else the read ends as well
    if (write == nullptr) EndIfRetired();
  }
  if (write != nullptr) StartWrite(write);
  if (over) RemoveHold();
}

void HookStream::OnReadDone(bool ok) {
  CallPointer call;
  Status status;
  bool over = false;
  {
    const MutexLock lock(mutex_);
    if (!ok) {
      broken_ = true;
      over = !writing_;
    } else if (const auto found = waiting_.find(incoming_.call()); found != waiting_.end()) {
      call = std::move(found->second);
      waiting_.erase(found);
      EndIfRetired();
    }  // else it is late, or never was
  }
  if (over) RemoveHold();
  if (!ok) return;
  if (call != nullptr) {
    if (incoming_.has_failure()) {
      status = FromFailure(incoming_.failure());
    } else {
      call->response.Swap(incoming_.mutable_answer());
    }
    if (SteadyClock::now() >= call->deadline) status = NoAnswer(Milliseconds(0));
  }
  // The next is read while this one's coroutine goes on.
  StartRead(&incoming_);
  if (call != nullptr) call->done(std::move(status));
}

void HookStream::OnDone(const grpc::Status& grpc_status) {
  const Status status = FromEnd(grpc_status);
  std::vector<CallPointer> calls;
  {
    const MutexLock lock(mutex_);
    broken_ = true;
    ended_ = status;
    for (auto& [number, call] : waiting_)
      calls.push_back(std::move(call));
    waiting_.clear();
    outgoing_.clear();
    alarm_.reset();
  }
  for (const CallPointer& call : calls)
    call->done(status);
  self_.reset();
}

// On an alarm: ends what has waited for too long.
void HookStream::LookAtDeadlines() {
  std::vector<CallPointer> late;
  v1::ExchangeRequest* write = nullptr;
  {
    const MutexLock lock(mutex_);
    alarm_.reset();
    if (broken_) return;
    const auto now = SteadyClock::now();
    auto next = ending_ ? end_time_ : SteadyClock::time_point::max();
    // A hook that does not end its side, or below does not read: nothing more comes of this stream.
    if (now >= next) {
      context_.TryCancel();
      return;
    }
    for (const auto& [number, call] : waiting_) {
      if (call->deadline > now) {
        next = std::min(next, call->deadline);
      } else {
        if (!call->written) context_.TryCancel();
        late.push_back(call);
      }
    }
    for (const CallPointer& call : late)
      GiveUp(call);
    // Others may fare better on another one.
    retired_ |= !late.empty();
    if (next != SteadyClock::time_point::max()) Arm(next);
    write = NextWrite();
    if (write == nullptr) EndIfRetired();
  }
  if (write != nullptr) StartWrite(write);
  for (const CallPointer& call : late)
    call->done(NoAnswer(Milliseconds(0)));
}

// One alarm for all: the calls of a hook have nearly all the same timeout.
void HookStream::Arm(SteadyClock::time_point time) {
  if (alarm_ != nullptr && alarm_time_ <= time) return;
  const auto left = std::chrono::ceil<Milliseconds>(time - SteadyClock::now());
  alarm_time_ = time;
  alarm_ = std::make_unique<grpc::Alarm>();
  alarm_->Set(
      gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(left.count(), GPR_TIMESPAN)),
      [weak = weak_from_this()](bool rang) {
        if (!rang) return;
        if (const auto stream = weak.lock()) stream->LookAtDeadlines();
      });
}

void HookStream::EndIfRetired() {
  if (!retired_ || ending_ || broken_ || writing_ || !waiting_.empty() || !outgoing_.empty()) {
    return;
  }
  ending_ = true;
  StartWritesDone();
  end_time_ = SteadyClock::now() + limits::kHookStreamEndMax;
  Arm(end_time_);
}

}  // namespace penstock::hook_client
