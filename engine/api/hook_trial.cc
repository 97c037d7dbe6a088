// SPDX-License-Identifier: Apache-2.0
#include "engine/api/hook_trial.h"

#include <utility>
#include <variant>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "engine/async/deadline.h"
#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/wire/hook_trial.h"

namespace penstock::api {
namespace {

using runtime::HookGate;

// Returns when whoever asked is gone. gRPC tells that to a reactor of one's own alone; a look now
// and then, while a hook is called, costs less than one.
async::asio::awaitable<void> GivenUp(const grpc::CallbackServerContext* context) {
  while (!context->IsCancelled()) {
    const Status slept = co_await async::Sleep(limits::kTrialGivenUpLook);
    if (!slept.ok()) co_return;
  }
}

}  // namespace

flow::OwnsDomain DomainsOf(flow::DirectorySnapshot directory, std::string organization) {
  return [directory = std::move(directory),
          organization = std::move(organization)](std::string_view domain) {
    return directory->domains().OwnerOfDomain(domain) == organization;
  };
}

async::Task<v1::HookTrial> RunTrial(AdminContext& admin, const grpc::CallbackServerContext& context,
                                    flow::Trial trial) {
  using async::asio::experimental::awaitable_operators::operator||;
  runtime::HookRequest request;
  request.hook = trial.hook;
  request.organization = trial.organization;
  request.rule = trial.rule;
  request.mode = trial.mode;
  request.attempt = trial.attempt;
  request.start_before = admin.clock.Now() + limits::kTrialTurnWait;
  request.event = trial.event;
  request.trial = true;
  auto call = admin.hooks.Call(std::move(request));
  auto given_up = GivenUp(&context);
  auto either = std::move(call) || std::move(given_up);
  auto first = co_await std::move(either);
  const HookGate::Ended* ended = std::get_if<HookGate::Ended>(&first);
  if (ended == nullptr) co_return Cancelled("the call was given up");
  if (!ended->in_time) {
    co_return ResourceExhausted(Cat("hook \"", trial.hook, "\" had no place for a call within ",
                                    limits::kTrialTurnWait.count(),
                                    " s; see what it is doing: penstock status"));
  }
  const auto directory = admin.directory.Current();
  const bool strict = admin.settings.Current()->strict;
  co_return wire::ToProto(trial, ended->answer, ended->ended - ended->started,
                          DomainsOf(directory, trial.organization), strict);
}

}  // namespace penstock::api
