// SPDX-License-Identifier: Apache-2.0
#include "engine/embed/engine.h"

#include <algorithm>
#include <future>
#include <optional>
#include <set>
#include <utility>

#include <unistd.h>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "engine/async/strand.h"
#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/embed/assembly.h"
#include "engine/embed/decider.h"
#include "engine/embed/engine_options.h"
#include "engine/embed/log_subscription.h"
#include "engine/embed/mail_content.h"
#include "engine/embed/own_delivery.h"
#include "engine/embed/token_key.h"
#include "engine/flow/directory_difference.h"
#include "engine/wire/manifest.h"

namespace penstock {
namespace {

namespace asio = async::asio;

Accepted NotTaken(const Status& status) {
  Accepted accepted;
  accepted.error = embed::ToError(status);
  return accepted;
}

Status Stopped() {
  return Unavailable("the engine has stopped");
}

Status OfParent() {
  return FailedPrecondition(
      "the engine was opened by the process that forked this one; open one here, with a data "
      "folder of its own");
}

// Waits for what a callback gets.
template <class T>
class Waiter {
 public:
  std::function<void(T)> Callback() {
    return [promise = promise_](T result) { promise->set_value(std::move(result)); };
  }

  T Wait() { return promise_->get_future().get(); }

 private:
  std::shared_ptr<std::promise<T>> promise_ = std::make_shared<std::promise<T>>();
};

// A callback may not wait for the engine whose thread it has.
std::optional<Error> RefuseWaiting() {
  if (!embed::IsCalledOut()) return std::nullopt;
  return Error{ErrorCode::kFailedPrecondition,
               "called from a callback, whose thread may not wait: use the form with a callback"};
}

}  // namespace

struct Engine::Parts {
  Parts(std::unique_ptr<embed::LogSubscription> log_in,
        std::unique_ptr<embed::Assembly> assembly_in, std::string token_key)
      : log(std::move(log_in)),
        assembly(std::move(assembly_in)),
        decider(*assembly, std::move(token_key)) {}

  // A child has none of the threads, and locks as they were.
  [[nodiscard]] bool is_parents() const { return process != getpid(); }

  // Starts what `make` makes of a HoldEnd, for `done`; nothing if the engine has stopped, whose
  // answer `refuse` makes. The caller may be a callback, so nothing of it runs before this returns.
  template <class T, class Make, class Refuse>
  void Start(const Make& make, const std::function<void(T)>& done, const Refuse& refuse) {
    const bool usable = !is_parents();
    if (usable) {
      const MutexLock lock(mutex);
      if (!stopping) {
        auto end = std::make_shared<runtime::HoldEnd>();
        ends.insert(end);
        asio::awaitable<T> work = make(end);
        assembly->context().tasks.Spawn(async::MakeStrand(assembly->context().executor),
                                        Run<T>(this, std::move(work), end, done), "embedder's");
        return;
      }
    }
    if (done) done(refuse(usable ? Stopped() : OfParent()));
  }

  template <class T>
  static asio::awaitable<void> Run(Parts* parts, asio::awaitable<T> work,
                                   std::shared_ptr<runtime::HoldEnd> end,
                                   std::function<void(T)> done) {
    const async::Executor executor = co_await asio::this_coro::executor;
    co_await asio::post(executor, asio::use_awaitable);
    T result = co_await std::move(work);
    {
      const MutexLock lock(parts->mutex);
      parts->ends.erase(end);
    }
    if (done) embed::CallOut([&] { done(std::move(result)); });
  }

  asio::awaitable<Accepted> Accept(Mail mail, Milliseconds hold,
                                   std::shared_ptr<runtime::HoldEnd> end);
  async::Task<void> Apply(flow::DirectorySnapshot next, std::string who);

  const pid_t process = getpid();
  std::unique_ptr<embed::LogSubscription> log;
  std::unique_ptr<embed::Assembly> assembly;
  embed::Decider decider;
  Mutex mutex;
  std::set<std::shared_ptr<runtime::HoldEnd>> ends ABSL_GUARDED_BY(mutex);
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  Mutex stop;  // of who stops it, before `mutex`
  bool ended ABSL_GUARDED_BY(stop) = false;
};

asio::awaitable<Accepted> Engine::Parts::Accept(Mail mail, Milliseconds hold,
                                                std::shared_ptr<runtime::HoldEnd> end) {
  if (hold < Milliseconds(0) || hold > limits::kHoldMax)
    co_return NotTaken(InvalidArgument(Cat("hold: out of range; expected 0 to 240 s")));
  const runtime::ListenerPolicy policy = embed::PolicyOf(mail);
  const Status fit = embed::Check(mail, policy, *assembly);
  if (!fit.ok()) co_return NotTaken(fit);
  const auto settings = assembly->context().settings.Current();
  if ((mail.direction == Direction::kOutbound ? settings->outbound_next_hop
                                              : settings->inbound_next_hop)
          .empty()) {
    co_return NotTaken(FailedPrecondition("routes: none for this direction; name a next hop"));
  }
  Accepted accepted;
  if (const auto refusal = assembly->intake().RefuseMail()) {
    accepted.reply = {refusal->code, refusal->status.ToString(), refusal->text};
    co_return accepted;
  }
  auto submission = embed::ToSubmission(mail, policy, assembly->clock().Now());
  if (!submission.ok()) co_return NotTaken(submission.status());
  auto content = co_await assembly->intake().NewContent();
  if (!content.ok()) co_return NotTaken(content.status());
  const Status copied = embed::Copy(*mail.content, **content);
  if (!copied.ok()) co_return NotTaken(copied);
  submission->content = *std::move(content);
  runtime::Hold held;
  held.time = hold;
  held.end = std::move(end);
  const auto told = co_await assembly->intake().Decide(*std::move(submission), held);
  accepted.reply = {told.reply.code, told.reply.status.ToString(), told.reply.text};
  co_return accepted;
}

async::Task<void> Engine::Parts::Apply(flow::DirectorySnapshot next, std::string who) {
  using runtime::DirectoryKeeper;
  DirectoryKeeper::MakeChange make =
      [next = std::move(next)](const flow::Directory& now) -> StatusOr<DirectoryKeeper::Change> {
    DirectoryKeeper::Change change;
    for (flow::ResourceDifference& difference : flow::Difference(now, *next)) {
      ports::ResourceChange one;
      one.removed = !difference.after;
      one.resource = std::move(one.removed ? *difference.before : *difference.after);
      change.resources.push_back(std::move(one));
    }
    change.next = next;
    return change;
  };
  co_return co_await assembly->context().directory.Apply(std::move(make), std::move(who));
}

Engine::Engine(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Engine::~Engine() {
  // Threads that cannot be ended go on in what stays allocated; a child has none to end.
  if (!Stop(limits::kEngineStopDeadline)) std::ignore = parts_.release();
}

Result<std::unique_ptr<Engine>> Engine::Open(EngineOptions options) noexcept {
  Result<std::unique_ptr<Engine>> result;
  const auto fail = [&result](const Status& status) {
    result.error = embed::ToError(status);
    return std::move(result);
  };
  auto assembly_options = embed::ToAssemblyOptions(options);
  if (!assembly_options.ok()) return fail(assembly_options.status());
  auto log = std::make_unique<embed::LogSubscription>(std::move(options.log));
  auto assembly = embed::Assembly::Open(*std::move(assembly_options));
  if (!assembly.ok()) return fail(assembly.status());
  StatusOr<std::string> key = options.token_key;
  if (key->empty()) key = embed::LoadTokenKey(options.data_folder);
  if (!key.ok()) {
    (*assembly)->Stop(limits::kEngineStopDeadline);
    return fail(key.status());
  }
  std::unique_ptr<Engine> engine(
      new Engine(std::make_unique<Parts>(std::move(log), *std::move(assembly), *std::move(key))));
  if (!options.manifest.empty()) {
    result.error = engine->Apply(options.manifest, "the embedding program");
    if (!result.error.ok()) return result;
  }
  const Status started = engine->parts_->assembly->Start();
  if (!started.ok()) return fail(started);
  result.value = std::move(engine);
  return result;
}

Error Engine::Apply(std::string_view manifest, std::string_view who) noexcept {
  if (auto refused = RefuseWaiting()) return *std::move(refused);
  auto next = wire::ReadManifest(manifest, "manifest");
  if (!next.ok()) return embed::ToError(next.status());
  Waiter<Error> waiter;
  const auto make = [&](const std::shared_ptr<runtime::HoldEnd>&) {
    auto work = parts_->Apply(*std::move(next), std::string(who));
    return [](async::Task<void> applying) -> asio::awaitable<Error> {
      const Status applied = co_await std::move(applying);
      co_return embed::ToError(applied);
    }(std::move(work));
  };
  parts_->Start<Error>(make, waiter.Callback(), embed::ToError);
  return waiter.Wait();
}

void Engine::Decide(Mail mail, DecideOptions options, std::function<void(Decision)> done) noexcept {
  const auto make = [&](std::shared_ptr<runtime::HoldEnd> end) {
    return parts_->decider.Decide(std::move(mail), options, std::move(end));
  };
  parts_->Start<Decision>(make, done, embed::Failed);
}

Decision Engine::Decide(Mail mail, DecideOptions options) noexcept {
  Decision refused;
  if (auto error = RefuseWaiting()) {
    refused.error = *std::move(error);
    return refused;
  }
  Waiter<Decision> waiter;
  Decide(std::move(mail), options, waiter.Callback());
  return waiter.Wait();
}

void Engine::Resume(std::string token, DecideOptions options,
                    std::function<void(Decision)> done) noexcept {
  const auto make = [&](std::shared_ptr<runtime::HoldEnd> end) {
    return parts_->decider.Resume(std::move(token), options, std::move(end));
  };
  parts_->Start<Decision>(make, done, embed::Failed);
}

Decision Engine::Resume(std::string token, DecideOptions options) noexcept {
  Decision refused;
  if (auto error = RefuseWaiting()) {
    refused.error = *std::move(error);
    return refused;
  }
  Waiter<Decision> waiter;
  Resume(std::move(token), options, waiter.Callback());
  return waiter.Wait();
}

void Engine::Accept(Mail mail, std::chrono::milliseconds hold,
                    std::function<void(Accepted)> done) noexcept {
  const auto make = [&](std::shared_ptr<runtime::HoldEnd> end) {
    return parts_->Accept(std::move(mail), hold, std::move(end));
  };
  parts_->Start<Accepted>(make, done, NotTaken);
}

Accepted Engine::Accept(Mail mail, std::chrono::milliseconds hold) noexcept {
  if (auto error = RefuseWaiting()) {
    Accepted refused;
    refused.error = *std::move(error);
    return refused;
  }
  Waiter<Accepted> waiter;
  Accept(std::move(mail), hold, waiter.Callback());
  return waiter.Wait();
}

bool Engine::Stop(std::chrono::milliseconds limit) noexcept {
  if (embed::IsCalledOut() || parts_->is_parents()) return false;
  const MutexLock one_at_a_time(parts_->stop);
  if (parts_->ended) return true;
  std::set<std::shared_ptr<runtime::HoldEnd>> ends;
  {
    const MutexLock lock(parts_->mutex);
    parts_->stopping = true;
    ends = parts_->ends;
  }
  parts_->assembly->BeginStop();
  for (const auto& end : ends)
    end->Raise();
  parts_->ended = parts_->assembly->Stop(
      std::clamp<Milliseconds>(limit, Milliseconds(0), limits::kEngineStopMax));
  if (parts_->ended) parts_->log.reset();
  return parts_->ended;
}

std::string_view Name(Action action) {
  switch (action) {
    case Action::kDrop:
      return "DROP";
    case Action::kBounce:
      return "BOUNCE";
    case Action::kMoveToJunk:
      return "MOVE_TO_JUNK";
    case Action::kRouteToGateway:
      return "ROUTE_TO_GATEWAY";
    case Action::kDefault:
      return "DEFAULT";
    case Action::kBypassSpamCheck:
      return "BYPASS_SPAM_CHECK";
  }
  return "";
}

}  // namespace penstock
