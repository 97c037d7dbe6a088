// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/hook_gate.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/base/log.h"
#include "engine/base/metrics.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/flow/hook_attempt.h"

namespace penstock::runtime {

namespace asio = async::asio;

namespace {

void CountAttempt(const HookRequest& request, const HookGate::Ended& ended, Figures& figures) {
  const Milliseconds took = ended.ended - ended.started;
  if (ended.answer.ok()) {
    figures.Ended(request.hook, nullptr, took, ended.ended);
  } else {
    const std::string error(Message(ended.answer.status()));
    figures.Ended(request.hook, &error, took, ended.ended);
  }
  const std::string_view mode = Name(request.mode);
  const std::string_view code = CodeName(ended.answer.status().code());
  Count(metrics::kHookAttempts, {{"hook", request.hook}, {"mode", mode}, {"code", code}});
  Observe(metrics::kHookSeconds, {{"hook", request.hook}, {"mode", mode}},
          std::chrono::duration<double>(took).count());
}

void Report(const HookRequest& request, const HookGate::Ended& ended, Figures& figures) {
  if (!request.trial) CountAttempt(request, ended, figures);
  const std::string_view mode = Name(request.mode);
  const std::string_view code = CodeName(ended.answer.status().code());
  Log(ended.answer.ok() ? LogLevel::kInfo : LogLevel::kWarning,
      request.trial ? "hook_trial" : "hook_attempt",
      {{"message", request.event.message_id.text()},
       {"invocation", request.event.invocation_id.text()},
       {"hook", request.hook},
       {"rule", request.rule},
       {"mode", std::string(mode)},
       {"attempt", Cat(request.attempt)},
       {"code", std::string(code)},
       {"duration", FormatDuration(ended.ended - ended.started)},
       {"error", std::string(Message(ended.answer.status()))}});
}

}  // namespace

HookGate::HookGate(ports::HookCaller& caller, const DirectoryKeeper& directory,
                   const ports::Clock& clock, CapabilityKeeper* capabilities)
    : caller_(caller), directory_(directory), clock_(clock), capabilities_(capabilities) {}

asio::awaitable<HookGate::Ended> HookGate::Call(HookRequest request) {
  Ended ended{Unavailable("not called"), clock_.Now(), clock_.Now()};
  auto hook = FindPermitted(request);
  if (!hook.ok()) {
    ended.answer = hook.status();
    Report(request, ended, figures_);
    co_return ended;
  }
  const std::shared_ptr<async::Limiter> limiter = LimiterOf(**hook);
  std::optional<async::Limiter::Permit> permit = limiter->TryAcquire();
  if (!permit) {
    figures_.Waits(request.hook, 1);
    std::optional<Milliseconds> longest;
    if (request.start_before) {
      longest = std::max<Milliseconds>(*request.start_before - clock_.Now(), Milliseconds(0)) +
                Milliseconds(1);
    }
    auto acquired = co_await limiter->Acquire(longest);
    figures_.Waits(request.hook, -1);
    ended.in_time = acquired.status().code() != StatusCode::kDeadlineExceeded;
    if (!acquired.ok()) {
      ended.answer = acquired.status();
      co_return ended;
    }
    permit.emplace(*std::move(acquired));
    // A turn may be long in coming, and the directory another by then (P1, R14).
    hook = FindPermitted(request);
  }
  ended.started = ended.ended = clock_.Now();
  ended.in_time = !request.start_before || ended.started < *request.start_before;
  if (!ended.in_time) co_return ended;
  if (!hook.ok()) {
    ended.answer = hook.status();
    Report(request, ended, figures_);
    co_return ended;
  }
  ports::HookCall call;
  call.hook = *hook;
  call.mode = request.mode;
  call.attempt = request.attempt;
  call.timeout = flow::AttemptDeadline(*call.hook, request.mode);
  call.rule = request.rule;
  const ContentClaim claim = {request.event.message_id, request.event.invocation_id,
                              request.attempt, request.mode,
                              capabilities_ != nullptr ? capabilities_->NewRun() : 0};
  call.content = co_await ContentFor(request, *call.hook, claim, ended.started + call.timeout);
  ended.in_time = request.withdrawn == nullptr || !*request.withdrawn;
  if (!ended.in_time) co_return ended;
  std::optional<ContentDesk::Attempt> content = BeginContent(request, *call.hook, claim);
  call.organization = std::move(request.organization);
  call.event = std::move(request.event);
  request.event.message_id = call.event.message_id;  // for the report
  request.event.invocation_id = call.event.invocation_id;
  figures_.Runs(request.hook, 1);
  ended.answer = co_await caller_.Call(std::move(call));
  if (content && ended.answer.ok()) ended.staged = content->TakeStaged();
  content.reset();
  figures_.Runs(request.hook, -1);
  ended.ended = clock_.Now();
  Report(request, ended, figures_);
  co_return ended;
}

std::optional<ContentDesk::Attempt> HookGate::BeginContent(const HookRequest& request,
                                                           const flow::Hook& hook,
                                                           const ContentClaim& claim) {
  const rules::FlowDirection direction = request.event.direction;
  if (request.desk == nullptr || request.mode != rules::InvocationMode::kSync) return std::nullopt;
  if (!MayRead(hook, request.organization, direction) &&
      !MayReplace(hook, request.organization, direction)) {
    return std::nullopt;
  }
  return request.desk->Begin(claim, request.content);
}

StatusOr<std::shared_ptr<const flow::Hook>> HookGate::FindPermitted(
    const HookRequest& request) const {
  std::shared_ptr<const flow::Hook> hook = directory_.Current()->FindHook(request.hook);
  if (hook == nullptr) {
    return NotFound(Cat("there is no hook \"", request.hook,
                        "\"; register it: penstock hook register ", request.hook,
                        " --target HOST:PORT"));
  }
  PENSTOCK_RETURN_IF_ERROR(flow::CheckInvoke(*hook, request.organization, request.event.direction));
  return hook;
}

asio::awaitable<std::optional<ports::ContentAccess>> HookGate::ContentFor(
    const HookRequest& request, const flow::Hook& hook, const ContentClaim& claim, Time until) {
  if (capabilities_ == nullptr || request.trial) co_return std::nullopt;
  flow::Capability capability;
  capability.message = claim.message;
  capability.invocation = claim.invocation;
  capability.attempt = claim.attempt;
  capability.run = claim.run;
  capability.mode = claim.mode;
  capability.hook = hook.name;
  capability.organization = request.organization;
  capability.direction = request.event.direction;
  capability.may_read = MayRead(hook, request.organization, capability.direction);
  capability.may_replace = MayReplace(hook, request.organization, capability.direction);
  if (!capability.may_read && !capability.may_replace) co_return std::nullopt;
  std::optional<Time> content_until = request.content_until;
  if (!content_until && request.desk != nullptr) {
    const auto kept = co_await request.desk->KeptUntil(claim);
    if (kept.ok()) content_until = *kept;
  }
  // What an attempt is about is kept while it runs, however old the message is.
  capability.expire_time = std::max(until, content_until.value_or(until));
  co_return co_await capabilities_->Grant(std::move(capability));
}

std::shared_ptr<async::Limiter> HookGate::LimiterOf(const flow::Hook& hook) {
  const MutexLock lock(mutex_);
  Turn& turn = turns_[hook.name];
  if (turn.limiter == nullptr || turn.limit != hook.max_concurrent_calls) {
    // Calls that run under the old limit keep it until they end.
    turn = {hook.max_concurrent_calls, std::make_shared<async::Limiter>(hook.max_concurrent_calls)};
  }
  return turn.limiter;
}

}  // namespace penstock::runtime
