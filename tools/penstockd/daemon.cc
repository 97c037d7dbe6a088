// SPDX-License-Identifier: Apache-2.0
#include "tools/penstockd/daemon.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/base/log.h"
#include "engine/base/metrics.h"
#include "engine/base/nearest.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/ingress/smtp_server.h"

#include "google/protobuf/util/message_differencer.h"
#include "tools/penstockd/config.h"
#include "tools/penstockd/milter_door.h"
#include "tools/penstockd/next_hop_config.h"
#include "tools/penstockd/tls_config.h"
#include "tools/telemetry/log_lines.h"

namespace penstock::daemon {
namespace {

using google::protobuf::util::MessageDifferencer;

embed::Settings ToSettings(const v1::Config& config) {
  embed::Settings settings;
  settings.flow = ToFlowSettings(config);
  for (const v1::NextHop& configured : config.next_hops())
    settings.next_hops.push_back(ToNextHop(configured));
  const v1::MarkingConfig& marking = config.marking();
  settings.marking.junk = {marking.junk().header(), marking.junk().value(),
                           marking.junk().subaddress()};
  settings.marking.bypass_spam_check = {marking.bypass_spam_check().header(),
                                        marking.bypass_spam_check().value(),
                                        marking.bypass_spam_check().subaddress()};
  settings.history_retention = ToMilliseconds(config.limits().history_retention());
  settings.content_retention = ToMilliseconds(config.limits().content_retention());
  settings.content_octets_max = static_cast<std::uint64_t>(config.limits().message_octets_max());
  settings.content_rules.immutable_fields = {config.limits().immutable_fields().begin(),
                                             config.limits().immutable_fields().end()};
  settings.open_messages_max = static_cast<std::size_t>(config.limits().open_messages_max());
  return settings;
}

// What a listener was opened with that a reload cannot give to one that is open.
bool SameFrontDoor(const v1::Config& before, const v1::Config& after, const v1::Listener& a,
                   const v1::Listener& b) {
  const bool same_marking = MessageDifferencer::Equals(before.marking(), after.marking());
  return MessageDifferencer::Equals(a, b) &&
         (same_marking || a.protocol() != v1::Listener::MILTER) &&
         before.limits().message_octets_max() == after.limits().message_octets_max();
}

}  // namespace

Daemon::~Daemon() = default;

StatusOr<std::unique_ptr<Daemon>> Daemon::Start(v1::Config config,
                                                telemetry::PrometheusMetrics& metrics) {
  auto daemon = std::unique_ptr<Daemon>(new Daemon(std::move(config)));
  const v1::Config& now = daemon->config_;
  embed::AssemblyOptions options;
  options.data_folder = now.data_folder();
  options.hostname = now.hostname();
  options.inbound_recipients_max = static_cast<std::size_t>(now.limits().inbound_recipients_max());
  options.settings = ToSettings(now);
  options.content = ToContentServerOptions(now.content_api());
  PENSTOCK_ASSIGN_OR_RETURN(daemon->assembly_, embed::Assembly::Open(std::move(options)));
  const api::ContentServer& content = *daemon->assembly_->content_server();
  Log(LogLevel::kInfo, "content_listening",
      {{"address", content.address()}, {"target", content.target()}});
  PENSTOCK_RETURN_IF_ERROR(daemon->assembly_->Start());
  PENSTOCK_RETURN_IF_ERROR(daemon->OpenFrontDoors(now));
  PENSTOCK_RETURN_IF_ERROR(daemon->OpenMetrics(metrics));
  PENSTOCK_RETURN_IF_ERROR(daemon->OpenAdmin());
  return daemon;
}

// What is gone stops listening before what is new is opened: it may take the same address. One
// that cannot be opened keeps the others from nothing.
Status Daemon::OpenFrontDoors(const v1::Config& config) {
  WarnOfUnknownOrganizations(config);
  incoming_->SetMax(static_cast<std::uint64_t>(config.limits().incoming_octets_max()));
  std::map<std::string, FrontDoor> kept;
  std::vector<FrontDoor> gone;
  {
    const MutexLock lock(mutex_);
    for (const v1::Listener& listener : config.listeners()) {
      const auto open = front_doors_.find(listener.name());
      if (open == front_doors_.end() ||
          !SameFrontDoor(config_, config, open->second.listener, listener)) {
        continue;
      }
      kept.emplace(listener.name(), std::move(open->second));
      front_doors_.erase(open);
    }
    for (auto& [name, front_door] : front_doors_)
      gone.push_back(std::move(front_door));
    front_doors_ = std::move(kept);
  }
  for (FrontDoor& front_door : gone)
    front_door.server->Stop();
  Status first_error;
  for (const v1::Listener& listener : config.listeners()) {
    {
      const MutexLock lock(mutex_);
      if (front_doors_.contains(listener.name())) continue;
    }
    StatusOr<FrontDoor> front_door = OpenFrontDoor(config, listener);
    if (!front_door.ok()) {
      first_error.Update(front_door.status());
      continue;
    }
    const MutexLock lock(mutex_);
    front_doors_.emplace(listener.name(), *std::move(front_door));
  }
  for (FrontDoor& front_door : gone) {
    front_door.server->WaitIdle(limits::kListenerCloseWait);  // its destructor closes the rest
  }
  return first_error;
}

StatusOr<std::unique_ptr<ingress::FrontDoor>> Daemon::MakeSmtpServer(const v1::Config& config,
                                                                     const v1::Listener& listener) {
  const std::string what = Cat("listener \"", listener.name(), "\"");
  ingress::SmtpServerOptions options;
  PENSTOCK_ASSIGN_OR_RETURN(options.listen, async::Endpoint::Parse(listener.listen()));
  PENSTOCK_ASSIGN_OR_RETURN(options.connection.trusted_networks,
                            ingress::NetworkSet::Parse({listener.trusted_networks().begin(),
                                                        listener.trusted_networks().end()}));
  options.connection.session.host_name = config.hostname();
  options.connection.session.lmtp = listener.protocol() == v1::Listener::LMTP;
  options.connection.session.message_octets_max =
      static_cast<std::uint64_t>(config.limits().message_octets_max());
  options.connection.policy.name = listener.name();
  options.connection.policy.direction = ToMode(listener.direction());
  options.connection.policy.organization = listener.organization();
  options.connection.incoming = incoming_;
  if (listener.starttls() != v1::Listener::NONE) {
    options.connection.session.starttls = listener.starttls() == v1::Listener::ENCRYPT
                                              ? ingress::StartTls::kEncrypt
                                              : ingress::StartTls::kMay;
    auto tls = async::TlsContext::Open(what, async::TlsRole::kServer, ToTlsFiles(listener.tls()));
    PENSTOCK_RETURN_IF_ERROR(tls.status());
    options.connection.tls = *std::move(tls);
  }
  options.connection.hold = ToMilliseconds(listener.hold());
  options.connections_max = static_cast<std::size_t>(listener.connections_max());
  options.connections_per_client_max =
      static_cast<std::size_t>(listener.connections_per_client_max());
  return std::unique_ptr<ingress::FrontDoor>(std::make_unique<ingress::SmtpServer>(
      assembly_->context().executor, std::move(options), assembly_->intake(), assembly_->clock()));
}

StatusOr<Daemon::FrontDoor> Daemon::OpenFrontDoor(const v1::Config& config,
                                                  const v1::Listener& listener) {
  const std::string what = Cat("listener \"", listener.name(), "\"");
  FrontDoor front_door;
  front_door.listener = listener;
  const bool is_milter = listener.protocol() == v1::Listener::MILTER;
  auto server = is_milter ? MakeMilterServer(config, listener, incoming_, *assembly_)
                          : MakeSmtpServer(config, listener);
  if (!server.ok()) return Annotate(server.status(), what);
  front_door.server = *std::move(server);
  StatusOr<async::Endpoint> endpoint = front_door.server->Start();
  if (!endpoint.ok()) return Annotate(endpoint.status(), what);
  front_door.endpoint = *std::move(endpoint);
  Log(LogLevel::kInfo, "listening",
      {{"listener", listener.name()},
       {"address", front_door.endpoint.ToString()},
       {"direction", v1::Listener::Direction_Name(listener.direction())}});
  return front_door;
}

Status Daemon::OpenMetrics(telemetry::PrometheusMetrics& metrics) {
  if (config_.metrics().listen().empty()) return OkStatus();
  PENSTOCK_ASSIGN_OR_RETURN(const async::Endpoint endpoint,
                            async::Endpoint::Parse(config_.metrics().listen()));
  telemetry::MetricsServer::Sources sources;
  sources.refresh = [this] {
    const auto& schedule = assembly_->schedule();
    Gauge(metrics::kMessagesOpen, {}, static_cast<double>(schedule.waiting() + schedule.active()));
  };
  sources.health = [this] {
    runtime::Context& context = assembly_->context();
    return context.stopping ? Unavailable("draining") : context.store.CheckRoom();
  };
  PENSTOCK_ASSIGN_OR_RETURN(metrics_server_,
                            telemetry::MetricsServer::Open(endpoint, metrics, sources));
  Log(LogLevel::kInfo, "metrics_listening", {{"address", metrics_server_->endpoint().ToString()}});
  return OkStatus();
}

Status Daemon::OpenAdmin() {
  runtime::Context& context = assembly_->context();
  admin_context_ = std::make_unique<api::AdminContext>(
      api::AdminContext{context.directory, context.store, context.clock, context.random,
                        context.hooks, context.settings, context.executor, admin_tasks_,
                        [this] { return NextHops(); }, [this] { return ListenerOrganizations(); },
                        &assembly_->schedule(), &assembly_->async_workers()});
  api::StatusSources sources{
      .version = PENSTOCK_VERSION,
      .hostname = config_.hostname(),
      .data_folder = config_.data_folder(),
      .content_address = assembly_->content_server()->address(),
      .content_target = assembly_->content_server()->target(),
      .started = context.clock.Now(),
      .schedule = assembly_->schedule(),
      .next_hops = context.next_hops,
      .next_hop_names = [this] { return NextHops(); },
      .listeners = [this] { return Listeners(); },
  };
  std::optional<api::AdminTcp> tcp;
  if (!config_.admin().listen().empty()) {
    tcp = {config_.admin().listen(), ToTlsFiles(config_.admin().tls())};
  }
  PENSTOCK_ASSIGN_OR_RETURN(
      admin_, api::AdminServer::Start(config_.admin().socket(),
                                      api::MakeAdminServices(*admin_context_, std::move(sources)),
                                      std::move(tcp)));
  Log(LogLevel::kInfo, "admin_listening",
      {{"socket", config_.admin().socket()}, {"address", admin_->tcp_address()}});
  return OkStatus();
}

Status Daemon::Reload(v1::Config config) {
  for (const std::string& field : NeedRestart(config_, config)) {
    Log(LogLevel::kWarning, "reload_needs_restart", {{"field", field}});
  }
  PENSTOCK_RETURN_IF_ERROR(assembly_->Replace(ToSettings(config)));
  const Status opened = OpenFrontDoors(config);
  telemetry::SetLogLevel(config.log().level());
  const MutexLock lock(mutex_);
  config_ = std::move(config);
  return opened;
}

bool Daemon::Stop() {
  const Milliseconds drain = ToMilliseconds(config_.limits().drain_deadline());
  std::map<std::string, FrontDoor> front_doors;
  {
    const MutexLock lock(mutex_);
    front_doors.swap(front_doors_);
  }
  const auto until = std::chrono::steady_clock::now() + drain;
  const auto left = [until] {
    const auto rest = std::chrono::floor<Milliseconds>(until - std::chrono::steady_clock::now());
    return std::max(rest, Milliseconds(0));
  };
  for (auto& [name, front_door] : front_doors)
    front_door.server->Stop();
  assembly_->BeginStop();
  for (auto& [name, front_door] : front_doors) {
    if (!front_door.server->WaitIdle(left())) front_door.server->Abort();
  }
  front_doors.clear();
  assembly_->context().hooks.tail().Close();
  if (admin_) admin_->Stop(limits::kAdminStopDeadline);
  const bool drained = assembly_->Stop(left());
  metrics_server_.reset();
  return drained;
}

std::vector<api::ListenerFigures> Daemon::Listeners() const {
  const MutexLock lock(mutex_);
  std::vector<api::ListenerFigures> listeners;
  for (const v1::Listener& listener : config_.listeners()) {
    const auto open = front_doors_.find(listener.name());
    if (open == front_doors_.end()) continue;
    listeners.push_back({listener.name(), open->second.endpoint.ToString(),
                         static_cast<std::int64_t>(open->second.server->connections()),
                         ToMilliseconds(listener.hold()), OneWayDirections(config_, listener)});
  }
  return listeners;
}

std::map<std::string, std::string> Daemon::ListenerOrganizations() const {
  const MutexLock lock(mutex_);
  std::map<std::string, std::string> organizations;
  for (const v1::Listener& listener : config_.listeners()) {
    if (!listener.organization().empty()) organizations[listener.name()] = listener.organization();
  }
  return organizations;
}

// One that was misspelt, or is yet to be made: its mail would belong to nobody's rules.
void Daemon::WarnOfUnknownOrganizations(const v1::Config& config) const {
  const flow::DirectorySnapshot directory = assembly_->context().directory.Current();
  for (const v1::Listener& listener : config.listeners()) {
    const std::string& id = listener.organization();
    if (id.empty() || directory->FindOrganization(id) != nullptr) continue;
    std::vector<std::string> known;
    for (const auto& [name, organization] : directory->organizations())
      known.push_back(name);
    const auto nearest = NearestWord(id, known);
    Log(LogLevel::kError, "listener_organization_unknown",
        {{"listener", listener.name()},
         {"organization", id},
         {"mend", Cat(nearest ? Cat("did you mean ", *nearest, "? ") : "",
                      "mend the configuration, or: penstock org create ", id)}});
  }
}

std::vector<std::string> Daemon::NextHops() const {
  const MutexLock lock(mutex_);
  std::vector<std::string> names;
  for (const v1::NextHop& next_hop : config_.next_hops())
    names.push_back(next_hop.name());
  return names;
}

}  // namespace penstock::daemon
