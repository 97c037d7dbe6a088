// SPDX-License-Identifier: Apache-2.0
#include "engine/embed/assembly.h"

#include <algorithm>
#include <thread>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include "engine/async/pool.h"
#include "engine/async/spawn.h"
#include "engine/async/strand.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/delivery/delivery_router.h"
#include "engine/delivery/maildir_delivery.h"
#include "engine/delivery/smtp_delivery.h"
#include "engine/runtime/async_worker.h"
#include "engine/runtime/capability_keeper.h"
#include "engine/runtime/directory_keeper.h"
#include "engine/runtime/hook_gate.h"
#include "engine/runtime/housekeeping.h"
#include "engine/runtime/message_intake.h"
#include "engine/runtime/system_clock.h"
#include "engine/store/sqlite_store.h"
#include "hooks/client/grpc_hook_caller.h"

namespace penstock::embed {
namespace {

namespace asio = async::asio;
using delivery::DeliveryRouter;

StatusOr<std::shared_ptr<ports::Delivery>> MakeNextHop(
    const NextHop& next_hop, const Settings& settings, const std::string& hostname,
    const async::Executor& executor, const ports::Clock& clock, ports::Random& random) {
  if (const auto* smtp = std::get_if<SmtpNextHop>(&next_hop.means)) {
    delivery::SmtpDeliveryOptions options;
    options.endpoint.host = smtp->host;
    options.endpoint.port = smtp->port;
    options.endpoint.unix_path = smtp->unix_path;
    options.client.lmtp = smtp->lmtp;
    options.client.helo_name = hostname;
    options.client.starttls = smtp->starttls;
    options.client.tls_name = smtp->tls_name;
    options.client.login = smtp->login;
    options.fallbacks = smtp->fallbacks;
    if (smtp->starttls != delivery::StartTls::kNone) {
      const std::string what = Cat("next hop \"", next_hop.name, "\"");
      auto tls = async::TlsContext::Open(what, async::TlsRole::kClient, smtp->tls);
      if (!tls.ok()) return Annotate(tls.status(), what);
      options.client.tls = *std::move(tls);
    }
    options.marking = settings.marking;
    options.deliveries_at_once = next_hop.deliveries_at_once;
    return std::make_shared<delivery::SmtpDelivery>(executor, std::move(options));
  }
  if (const auto* own = std::get_if<std::shared_ptr<ports::Delivery>>(&next_hop.means)) return *own;
  const auto& maildir = std::get<MaildirNextHop>(next_hop.means);
  delivery::MaildirDeliveryOptions options;
  auto path = delivery::MaildirPath::Parse(maildir.path);
  if (!path.ok()) return Annotate(path.status(), Cat("next hop \"", next_hop.name, "\""));
  options.path = *std::move(path);
  options.host_name = hostname;
  options.marking = settings.marking;
  options.return_path = maildir.return_path;
  options.deliveries_at_once = next_hop.deliveries_at_once;
  return std::make_shared<delivery::MaildirDelivery>(std::move(options), clock, random);
}

std::size_t ThreadsOf(const AssemblyOptions& options) {
  return options.threads > 0 ? options.threads
                             : std::max<std::size_t>(2, std::thread::hardware_concurrency());
}

}  // namespace

// In the order in which they are made; the pool goes last, when nothing runs on it any more.
struct Assembly::Parts {
  Parts(AssemblyOptions options_in, std::unique_ptr<store::SqliteStore> store_in)
      : options(std::move(options_in)),
        pool(ThreadsOf(options)),
        store(std::move(store_in)),
        hook_caller(clock),
        directory(*store, clock),
        capabilities(*store, clock, random),
        hooks(hook_caller, directory, clock, &capabilities),
        settings(options.settings.flow),
        context{*store,   router,           clock,           random, directory, hooks,
                settings, options.hostname, pool.executor(), tasks},
        schedule(context),
        async_workers(context),
        intake(context, schedule, async_workers, options.inbound_recipients_max),
        housekeeping(context, options.settings.history_retention) {
    clock.SetWaits(
        [this] { return schedule.waiting() + schedule.active() > 0 || async_workers.busy(); });
  }

  AssemblyOptions options;
  runtime::SystemClock clock;
  runtime::SystemRandom random;
  async::Pool pool;
  async::TaskGroup tasks;
  std::unique_ptr<store::SqliteStore> store;
  DeliveryRouter router;
  hook_client::GrpcHookCaller hook_caller;
  runtime::DirectoryKeeper directory;
  runtime::CapabilityKeeper capabilities;
  runtime::HookGate hooks;
  runtime::SettingsKeeper settings;
  runtime::Context context;
  runtime::MessageSchedule schedule;
  runtime::AsyncWorkers async_workers;
  runtime::MessageIntake intake;
  runtime::Housekeeping housekeeping;
  std::unique_ptr<api::ContentServer> content_server;
};

Assembly::Assembly(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Assembly::~Assembly() = default;

StatusOr<std::unique_ptr<Assembly>> Assembly::Open(AssemblyOptions options) {
  PENSTOCK_ASSIGN_OR_RETURN(auto store, store::SqliteStore::Open(options.data_folder));
  const Settings settings = options.settings;
  auto parts = std::make_unique<Parts>(std::move(options), std::move(store));
  auto assembly = std::unique_ptr<Assembly>(new Assembly(std::move(parts)));
  PENSTOCK_RETURN_IF_ERROR(assembly->Replace(settings));
  auto load = asio::co_spawn(async::MakeStrand(assembly->parts_->pool.executor()),
                             assembly->parts_->directory.Load(), asio::use_future);
  PENSTOCK_RETURN_IF_ERROR(load.get());
  PENSTOCK_RETURN_IF_ERROR(assembly->OpenContent());
  return assembly;
}

// Before any hook is called: what it is called with says where the content is.
Status Assembly::OpenContent() {
  Parts& parts = *parts_;
  if (!parts.options.content) return OkStatus();
  auto load = asio::co_spawn(async::MakeStrand(parts.pool.executor()), parts.capabilities.Load(),
                             asio::use_future);
  PENSTOCK_RETURN_IF_ERROR(load.get());
  auto server = api::ContentServer::Start(*parts.options.content, parts.directory,
                                          parts.capabilities, parts.context.content, parts.clock);
  if (!server.ok()) return Annotate(server.status(), "content_api");
  parts.content_server = *std::move(server);
  parts.capabilities.SetTarget(parts.content_server->target());
  return OkStatus();
}

Status Assembly::Start() {
  const auto strand = async::MakeStrand(parts_->pool.executor());
  PENSTOCK_RETURN_IF_ERROR(asio::co_spawn(strand, parts_->schedule.Load(), asio::use_future).get());
  PENSTOCK_RETURN_IF_ERROR(
      asio::co_spawn(strand, parts_->async_workers.Load(), asio::use_future).get());
  parts_->housekeeping.Start();
  return OkStatus();
}

Status Assembly::Replace(Settings settings) {
  DeliveryRouter::NextHops next_hops;
  for (const NextHop& next_hop : settings.next_hops) {
    PENSTOCK_ASSIGN_OR_RETURN(next_hops[next_hop.name],
                              MakeNextHop(next_hop, settings, parts_->options.hostname,
                                          parts_->pool.executor(), parts_->clock, parts_->random));
  }
  parts_->router.Replace(std::move(next_hops));
  parts_->settings.Replace(settings.flow);
  parts_->housekeeping.SetHistoryRetention(settings.history_retention);
  parts_->intake.SetOpenMessagesMax(settings.open_messages_max);
  parts_->context.content.SetRetention(settings.content_retention);
  parts_->capabilities.SetRetention(settings.content_retention);
  parts_->context.content.SetContentOctetsMax(settings.content_octets_max);
  parts_->context.content.SetRules(std::move(settings.content_rules));
  return OkStatus();
}

void Assembly::BeginStop() {
  parts_->context.stopping = true;
  parts_->schedule.Stop();
  parts_->async_workers.Stop();
  parts_->housekeeping.Stop();
}

bool Assembly::Stop(Milliseconds drain) {
  BeginStop();
  const Milliseconds grace = std::min<Milliseconds>(drain, limits::kAsyncStopGrace);
  if (!parts_->tasks.WaitIdle(grace)) {
    parts_->async_workers.CancelCalls();
    if (!parts_->tasks.WaitIdle(drain - grace)) return false;
  }
  if (parts_->content_server) parts_->content_server->Stop();
  parts_->router.Replace({});  // closes idle connections
  parts_->pool.Stop();         // what is left are timers of ours
  parts_->pool.Join();
  return true;
}

runtime::MessageIntake& Assembly::intake() {
  return parts_->intake;
}

runtime::Context& Assembly::context() {
  return parts_->context;
}

runtime::MessageSchedule& Assembly::schedule() {
  return parts_->schedule;
}

runtime::AsyncWorkers& Assembly::async_workers() {
  return parts_->async_workers;
}

const ports::Clock& Assembly::clock() const {
  return parts_->clock;
}

const api::ContentServer* Assembly::content_server() const {
  return parts_->content_server.get();
}

bool Assembly::HasNextHop(std::string_view name) const {
  return parts_->router.Has(name);
}

}  // namespace penstock::embed
