// SPDX-License-Identifier: Apache-2.0
#include "engine/embed/engine.h"

#include <algorithm>
#include <array>
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
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/embed/assembly.h"
#include "engine/embed/decider.h"
#include "engine/embed/mail_content.h"
#include "engine/embed/own_delivery.h"
#include "engine/embed/resume_token.h"
#include "engine/flow/directory_difference.h"
#include "engine/wire/manifest.h"

namespace penstock {
namespace {

namespace asio = async::asio;

std::string MachineName() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

delivery::StartTls ToStartTls(StartTls starttls) {
  switch (starttls) {
    case StartTls::kNone:
      return delivery::StartTls::kNone;
    case StartTls::kEncrypt:
      return delivery::StartTls::kEncrypt;
    case StartTls::kVerify:
      return delivery::StartTls::kVerify;
    case StartTls::kMay:
      break;
  }
  return delivery::StartTls::kMay;
}

embed::NextHop ToNextHop(const NextHop& given) {
  embed::NextHop next_hop;
  next_hop.name = given.name;
  if (const auto* smtp = std::get_if<SmtpNextHop>(&given.means)) {
    embed::SmtpNextHop means;
    means.lmtp = smtp->lmtp;
    means.unix_path = smtp->unix_path;
    means.host = smtp->host;
    means.port = smtp->port;
    means.starttls = ToStartTls(smtp->starttls);
    means.tls.ca_file = smtp->ca_file;
    means.tls.certificate_file = smtp->certificate_file;
    means.tls.key_file = smtp->key_file;
    means.tls_name = smtp->server_name;
    next_hop.means = std::move(means);
  } else if (const auto* maildir = std::get_if<MaildirNextHop>(&given.means)) {
    next_hop.means = embed::MaildirNextHop{maildir->path, maildir->return_path};
  } else {
    next_hop.means = std::make_shared<embed::OwnDelivery>(std::get<Deliver>(given.means));
  }
  return next_hop;
}

Status CheckNextHop(const NextHop& next_hop, const std::set<std::string>& names) {
  PENSTOCK_RETURN_IF_ERROR(rules::CheckName("next hop", next_hop.name));
  const auto fault = [&](std::string_view text) {
    return InvalidArgument(Cat("next hop \"", next_hop.name, "\": ", text));
  };
  if (names.contains(next_hop.name)) return fault("stands twice");
  if (const auto* smtp = std::get_if<SmtpNextHop>(&next_hop.means)) {
    if (smtp->unix_path.empty() && (smtp->host.empty() || smtp->port == 0))
      return fault("host or port missing");
  } else if (const auto* own = std::get_if<Deliver>(&next_hop.means)) {
    if (!*own) return fault("the function to deliver by is missing");
  }
  return OkStatus();
}

const std::string& OrElse(const std::string& preferred, const std::string& otherwise) {
  return preferred.empty() ? otherwise : preferred;
}

StatusOr<embed::Settings> ToSettings(const EngineOptions& options) {
  embed::Settings settings;
  std::set<std::string> names;
  for (const NextHop& next_hop : options.next_hops) {
    PENSTOCK_RETURN_IF_ERROR(CheckNextHop(next_hop, names));
    names.insert(next_hop.name);
    settings.next_hops.push_back(ToNextHop(next_hop));
  }
  const Routes& routes = options.routes;
  for (const std::string* route : {&routes.inbound, &routes.outbound, &routes.bounces, &routes.junk,
                                   &routes.bypass_spam_check}) {
    if (!route->empty() && !names.contains(*route))
      return InvalidArgument(Cat("routes: \"", *route, "\" is no next hop"));
  }
  if (options.delivery_expiry <= Milliseconds(0))
    return InvalidArgument("delivery_expiry: expected a duration over 0");
  settings.flow.inbound_next_hop = routes.inbound;
  settings.flow.outbound_next_hop = OrElse(routes.outbound, routes.inbound);
  settings.flow.bounce_next_hop = OrElse(routes.bounces, settings.flow.outbound_next_hop);
  settings.flow.junk_next_hop = routes.junk;
  settings.flow.bypass_next_hop = routes.bypass_spam_check;
  settings.flow.delivery_expiry = options.delivery_expiry;
  settings.flow.strict = options.strict;
  settings.marking.junk = {"X-Penstock-Junk", "yes"};
  settings.marking.bypass_spam_check = {"X-Penstock-Bypass-Spam-Check", "yes"};
  return settings;
}

StatusOr<embed::AssemblyOptions> ToAssemblyOptions(const EngineOptions& options) {
  if (options.data_folder.empty())
    return InvalidArgument("data_folder: missing; expected a folder for state and content");
  if (!options.token_key.empty() && options.token_key.size() < limits::kResumeKeyOctetsMin)
    return InvalidArgument(
        Cat("token_key: too short; expected at least ", limits::kResumeKeyOctetsMin, " octets"));
  embed::AssemblyOptions assembly;
  assembly.data_folder = options.data_folder;
  assembly.hostname = options.hostname.empty() ? MachineName() : options.hostname;
  assembly.threads = options.threads;
  PENSTOCK_ASSIGN_OR_RETURN(assembly.settings, ToSettings(options));
  if (!options.content_listen.empty()) {
    assembly.content.emplace();
    assembly.content->listen = options.content_listen;
    assembly.content->target = options.content_target;
  }
  return assembly;
}

void SendLogTo(decltype(EngineOptions::log) log) {
  SetLogSink([log = std::move(log)](LogLevel level, std::string_view event,
                                    std::span<const LogField> fields) {
    EngineOptions::LogFields given;
    for (const LogField& field : fields)
      given.emplace_back(field.name, field.value);
    log(static_cast<int>(level), event, given);
  });
}

Accepted NotTaken(const Status& status) {
  Accepted accepted;
  accepted.error = embed::ToError(status);
  return accepted;
}

Status Stopped() {
  return Unavailable("the engine has stopped");
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
  Parts(std::unique_ptr<embed::Assembly> assembly_in, std::string token_key)
      : assembly(std::move(assembly_in)), decider(*assembly, std::move(token_key)) {}

  // Starts what `make` makes of a HoldEnd, for `done`; nothing if the engine has stopped. The
  // caller may be a callback, so nothing of it runs before this returns.
  template <class T, class Make>
  void Start(const Make& make, const std::function<void(T)>& done, T stopped) {
    {
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
    done(std::move(stopped));
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
    embed::CallOut([&] { done(std::move(result)); });
  }

  asio::awaitable<Accepted> Accept(Mail mail, Milliseconds hold);
  async::Task<void> Apply(flow::DirectorySnapshot next, std::string who);

  std::unique_ptr<embed::Assembly> assembly;
  embed::Decider decider;
  Mutex mutex;
  std::set<std::shared_ptr<runtime::HoldEnd>> ends ABSL_GUARDED_BY(mutex);
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  Mutex stop;  // of who stops it, before `mutex`
  bool ended ABSL_GUARDED_BY(stop) = false;
};

asio::awaitable<Accepted> Engine::Parts::Accept(Mail mail, Milliseconds hold) {
  if (hold < Milliseconds(0) || hold > limits::kHoldMax)
    co_return NotTaken(InvalidArgument(Cat("hold: out of range; expected 0 to 240 s")));
  const runtime::ListenerPolicy policy = embed::PolicyOf(mail);
  const Status fit = embed::Check(mail, policy, assembly->intake());
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
  // Threads that cannot be ended go on in what stays allocated.
  if (!Stop(limits::kEngineStopDeadline)) std::ignore = parts_.release();
}

Result<std::unique_ptr<Engine>> Engine::Open(EngineOptions options) noexcept {
  Result<std::unique_ptr<Engine>> result;
  const auto fail = [&result](const Status& status) {
    result.error = embed::ToError(status);
    return std::move(result);
  };
  auto assembly_options = ToAssemblyOptions(options);
  if (!assembly_options.ok()) return fail(assembly_options.status());
  if (options.log) SendLogTo(std::move(options.log));
  auto assembly = embed::Assembly::Open(*std::move(assembly_options));
  if (!assembly.ok()) return fail(assembly.status());
  StatusOr<std::string> key = options.token_key;
  if (key->empty()) key = embed::LoadTokenKey(options.data_folder);
  if (!key.ok()) {
    (*assembly)->Stop(limits::kEngineStopDeadline);
    return fail(key.status());
  }
  std::unique_ptr<Engine> engine(
      new Engine(std::make_unique<Parts>(*std::move(assembly), *std::move(key))));
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
  parts_->Start<Error>(make, waiter.Callback(), embed::ToError(Stopped()));
  return waiter.Wait();
}

void Engine::Decide(Mail mail, DecideOptions options, std::function<void(Decision)> done) noexcept {
  Decision stopped;
  stopped.error = embed::ToError(Stopped());
  const auto make = [&](std::shared_ptr<runtime::HoldEnd> end) {
    return parts_->decider.Decide(std::move(mail), options, std::move(end));
  };
  parts_->Start<Decision>(make, done, std::move(stopped));
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
  Decision stopped;
  stopped.error = embed::ToError(Stopped());
  const auto make = [&](std::shared_ptr<runtime::HoldEnd> end) {
    return parts_->decider.Resume(std::move(token), options, std::move(end));
  };
  parts_->Start<Decision>(make, done, std::move(stopped));
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
  const auto make = [&](const std::shared_ptr<runtime::HoldEnd>&) {
    return parts_->Accept(std::move(mail), hold);
  };
  parts_->Start<Accepted>(make, done, NotTaken(Stopped()));
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
  if (embed::IsCalledOut()) return false;
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
  parts_->ended = parts_->assembly->Stop(limit);
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
