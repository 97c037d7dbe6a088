// SPDX-License-Identifier: Apache-2.0
#include "tools/penstock/direct_call.h"

#include <memory>
#include <utility>

#include <boost/asio/io_context.hpp>

#include "engine/async/spawn.h"
#include "engine/flow/hook_attempt.h"
#include "engine/wire/hook_trial.h"
#include "hooks/client/grpc_hook_caller.h"

#include "tools/penstock/system_clock.h"

namespace penstock::cli {
namespace {

// Both outlive the call.
async::asio::awaitable<void> Call(ports::HookCaller& caller, ports::HookCall call,
                                  StatusOr<flow::Answer>& answer) {
  answer = co_await caller.Call(std::move(call));
}

}  // namespace

v1::HookTrial CallDirectly(const flow::Hook& hook, const flow::Trial& trial,
                           const flow::OwnsDomain& owns_domain, bool strict) {
  const SystemClock clock;
  hook_client::GrpcHookCaller caller(clock);
  ports::HookCall call;
  call.hook = std::make_shared<const flow::Hook>(hook);
  call.mode = trial.mode;
  call.attempt = trial.attempt;
  call.timeout = flow::AttemptDeadline(hook, trial.mode);
  call.organization = trial.organization;
  call.rule = trial.rule;
  call.event = trial.event;

  StatusOr<flow::Answer> answer = Unavailable("not called");
  boost::asio::io_context loop;
  const Time started = clock.Now();
  async::Spawn(loop.get_executor(), Call(caller, std::move(call), answer), "hook call");
  loop.run();
  return wire::ToProto(trial, answer, clock.Now() - started, owns_domain, strict);
}

}  // namespace penstock::cli
