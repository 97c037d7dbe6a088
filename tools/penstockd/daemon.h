// SPDX-License-Identifier: Apache-2.0
// The daemon: the engine, its front doors, the admin server and metrics, as one configuration says.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/api/admin_server.h"
#include "engine/async/spawn.h"
#include "engine/base/mutex.h"
#include "engine/base/status.h"
#include "engine/embed/assembly.h"
#include "engine/ingress/front_door.h"
#include "engine/ingress/incoming_octets.h"

#include "penstock/v1/config.pb.h"

#include "tools/telemetry/metrics_server.h"

namespace penstock::daemon {

// Threads: one, which is none of the engine's.
class Daemon {
 public:
  // Opens everything and takes up work. `config` comes from LoadConfig.
  //   Errors: what cannot be opened, and why.
  static StatusOr<std::unique_ptr<Daemon>> Start(v1::Config config,
                                                 telemetry::PrometheusMetrics& metrics);

  ~Daemon();

  // Takes on what may change without a restart: routes, next hops, marking, retries, retention,
  // strictness, log level, and listeners. Connections that are open keep what they began with.
  //   Errors: kInvalidArgument for a next hop, nothing has changed then; the first listener that
  //   cannot be opened, everything else is in force then.
  Status Reload(v1::Config config);

  // Stops listening at once and lets what runs come to its end within limits.drain_deadline;
  // /healthz says meanwhile that it drains. False: something
  // still runs, and the process should end without destroying the Daemon; nothing is lost by that.
  bool Stop();

 private:
  struct FrontDoor {
    v1::Listener listener;  // as configured
    async::Endpoint endpoint;
    std::unique_ptr<ingress::FrontDoor> server;
  };

  explicit Daemon(v1::Config config) : config_(std::move(config)) {}

  Status OpenFrontDoors(const v1::Config& config);
  StatusOr<FrontDoor> OpenFrontDoor(const v1::Config& config, const v1::Listener& listener);
  StatusOr<std::unique_ptr<ingress::FrontDoor>> MakeSmtpServer(const v1::Config& config,
                                                               const v1::Listener& listener);
  Status OpenAdmin();
  Status OpenMetrics(telemetry::PrometheusMetrics& metrics);
  [[nodiscard]] std::vector<api::ListenerFigures> Listeners() const;
  [[nodiscard]] std::vector<std::string> NextHops() const;
  [[nodiscard]] std::map<std::string, std::string> ListenerOrganizations() const;
  void WarnOfUnknownOrganizations(const v1::Config& config) const;

  mutable Mutex mutex_;  // the admin server looks at configuration and front doors
  v1::Config config_;    // written under mutex_, by the one thread that also reads it without
  std::shared_ptr<ingress::IncomingOctets> incoming_ = std::make_shared<ingress::IncomingOctets>();
  std::unique_ptr<embed::Assembly> assembly_;
  std::map<std::string, FrontDoor> front_doors_ ABSL_GUARDED_BY(mutex_);
  async::TaskGroup admin_tasks_;
  std::unique_ptr<api::AdminContext> admin_context_;
  std::unique_ptr<api::AdminServer> admin_;
  std::unique_ptr<telemetry::MetricsServer> metrics_server_;
};

}  // namespace penstock::daemon
