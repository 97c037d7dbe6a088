// SPDX-License-Identifier: Apache-2.0
#include "engine/api/invocation_tail.h"

#include <chrono>
#include <memory>
#include <utility>

#include "engine/api/unary_call.h"
#include "engine/async/grpc_call.h"
#include "engine/base/mutex.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/base/utf8.h"
#include "engine/runtime/hook_tail.h"
#include "engine/wire/proto_time.h"
#include "engine/wire/resource_name.h"

namespace penstock::api {
namespace {

using runtime::TailFilter;
using runtime::TailLine;
using runtime::TailWatch;
using Response = v1::TailInvocationsResponse;

// An error comes without initial metadata of ours.
constexpr const char* kBegunKey = "penstock-begun";

// Errors: kInvalidArgument for a name; kNotFound for a hook or organization that nobody has set up.
StatusOr<TailFilter> FilterOf(const v1::TailInvocationsRequest& request,
                              const flow::Directory& directory) {
  TailFilter filter;
  if (!request.name().empty()) {
    PENSTOCK_ASSIGN_OR_RETURN(filter.hook, wire::ParseHookName(request.name()));
    if (directory.FindHook(filter.hook) == nullptr) {
      return NotFound(Cat("there is no hook \"", filter.hook, "\""));
    }
  }
  filter.organization = request.organization();
  if (!filter.organization.empty() && directory.FindOrganization(filter.organization) == nullptr) {
    return NotFound(Cat("there is no organization \"", Printable(filter.organization),
                        "\"; see them: penstock org list"));
  }
  if (!request.message().empty()) {
    const auto message = wire::ParseMessageName(request.message());
    if (!message.ok()) {
      return InvalidArgument(
          Cat("message: \"", Printable(request.message()), "\": expected \"messages/{message}\""));
    }
    filter.message = *message;
  }
  filter.failed = request.failed();
  return filter;
}

Response::Result ToProto(TailLine::Result result) {
  switch (result) {
    case TailLine::Result::kAnswered:
      return Response::ANSWERED;
    case TailLine::Result::kRetry:
      return Response::RETRY;
    case TailLine::Result::kWait:
      return Response::WAIT;
    case TailLine::Result::kFallback:
      return Response::FALLBACK;
    case TailLine::Result::kDeadLetter:
      return Response::DEAD_LETTER;
  }
  return Response::UNSPECIFIED;
}

Response ToProto(const TailLine& line) {
  Response response;
  *response.mutable_end_time() = wire::ToProto(line.ended);
  response.set_hook(line.hook);
  response.set_organization(line.organization);
  response.set_message(wire::MessageName(line.message));
  response.set_invocation_id(line.invocation.text());
  response.set_flow_rule(wire::FlowRuleName(line.organization, line.direction, line.rule));
  response.set_mode(line.mode == rules::InvocationMode::kSync ? v1::InvokeRequest::SYNC
                                                              : v1::InvokeRequest::ASYNC);
  response.set_attempt(static_cast<std::int32_t>(line.attempt));
  if (line.attempt > 0) {
    *response.mutable_duration() = wire::ToProto(std::chrono::nanoseconds(line.duration));
  }
  response.set_code(line.code);
  response.set_detail(ToValidUtf8(line.detail));
  response.set_result(ToProto(line.result));
  for (const TailLine::Outcome& outcome : line.outcomes) {
    v1::TailedOutcome& out = *response.add_outcomes();
    out.set_action(outcome.action);
    for (const std::string& recipient : outcome.recipients)
      out.add_recipients(ToValidUtf8(recipient));
    out.set_recipient_count(static_cast<std::int64_t>(outcome.recipient_count));
  }
  if (line.next_attempt) *response.mutable_next_attempt_time() = wire::ToProto(*line.next_attempt);
  return response;
}

// Holds itself until gRPC is done with it. At most one line is with gRPC; the others wait in the
// watch, which is bounded.
class Reactor final : public grpc::ServerWriteReactor<Response> {
 public:
  static Reactor* Begin(AdminContext& admin, grpc::CallbackServerContext* context,
                        const v1::TailInvocationsRequest& request) {
    const std::shared_ptr<Reactor> reactor(new Reactor(context));
    reactor->self_ = reactor;
    const Status watching = reactor->Watch(admin, request);
    if (!watching.ok()) reactor->Refuse(watching);
    return reactor.get();
  }

 private:
  explicit Reactor(grpc::CallbackServerContext* context) : context_(context) {}

  Status Watch(AdminContext& admin, const v1::TailInvocationsRequest& request) {
    PENSTOCK_ASSIGN_OR_RETURN(TailFilter filter, FilterOf(request, *admin.directory.Current()));
    // The watch may call it when this is gone already.
    auto wake = [weak = std::weak_ptr(self_)] {
      if (const auto alive = weak.lock()) alive->Go();
    };
    PENSTOCK_ASSIGN_OR_RETURN(watch_, admin.hooks.tail().Watch(std::move(filter), std::move(wake)));
    context_->AddInitialMetadata(kBegunKey, "1");
    StartSendInitialMetadata();
    Go();
    return OkStatus();
  }

  void Refuse(const Status& status) {
    {
      const MutexLock lock(mutex_);
      ended_ = true;
    }
    End(status);
  }

  // Gives gRPC the next line, if it has none and there is one.
  void Go() {
    bool write = false;
    bool end = false;
    {
      const MutexLock lock(mutex_);
      if (writing_ || ended_) return;
      if (gone_) {
        end = ended_ = true;
      } else if (const auto news = watch_->Next()) {
        end = ended_ = news->closed;
        write = writing_ = !end;
        if (news->line != nullptr) {
          current_ = ToProto(*news->line);
        } else {
          current_.Clear();
          current_.set_missed_count(static_cast<std::int64_t>(news->missed));
        }
      }
    }
    if (write) StartWrite(&current_);
    if (end)
      End(context_->IsCancelled() ? Cancelled("the client has gone")
                                  : Unavailable("the daemon is stopping"));
  }

  void End(const Status& status) {
    AddErrorInfo(*context_, status);
    Finish(async::ToGrpc(status));
  }

  void OnWriteDone(bool ok) override {
    {
      const MutexLock lock(mutex_);
      writing_ = false;
      gone_ |= !ok;
    }
    Go();
  }

  void OnCancel() override {
    {
      const MutexLock lock(mutex_);
      gone_ = true;
    }
    Go();
  }

  void OnDone() override { const std::shared_ptr<Reactor> last = std::move(self_); }

  grpc::CallbackServerContext* const context_;
  std::shared_ptr<Reactor> self_;     // until OnDone
  std::shared_ptr<TailWatch> watch_;  // null: it was refused
  Response current_;                  // belongs to gRPC while writing_
  Mutex mutex_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool gone_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

grpc::ServerWriteReactor<Response>* TailInvocations(AdminContext& admin,
                                                    grpc::CallbackServerContext* context,
                                                    const v1::TailInvocationsRequest& request) {
  return Reactor::Begin(admin, context, request);
}

}  // namespace penstock::api
