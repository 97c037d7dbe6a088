// SPDX-License-Identifier: Apache-2.0
// A listener on which mail servers ask us about their mail, by the milter protocol.
//
//   MilterServer server(pool.get_executor(), std::move(options), intake, clock);
//   server.Start()  …  server.Stop(); server.WaitIdle(drain_deadline); server.Abort();
//
// Threads: all functions from any thread but those of `executor`.
#pragma once

#include <cstddef>
#include <memory>

#include "engine/async/endpoint.h"
#include "engine/async/task.h"
#include "engine/base/limits.h"
#include "engine/base/time.h"
#include "engine/ingress/front_door.h"
#include "engine/ingress/milter_connection.h"
#include "engine/ingress/network_set.h"
#include "engine/ports/clock.h"
#include "engine/runtime/intake.h"

namespace penstock::ingress {

struct MilterServerOptions {
  async::Endpoint listen;
  // Who may ask: what an MTA says of its clients, their logins too, is believed (O3). Over a unix
  // socket all may: its folder and mode decide who gets in.
  NetworkSet mta_networks;
  MilterConnectionSettings connection;
  std::size_t connections_max = limits::kConnectionsMax;
};

class MilterServer final : public FrontDoor {
 public:
  // `executor`: of a thread pool, no strand; its context, `intake` and `clock` outlive the object.
  MilterServer(async::Executor executor, MilterServerOptions options, runtime::Intake& intake,
               const ports::Clock& clock);
  MilterServer(const MilterServer&) = delete;
  MilterServer& operator=(const MilterServer&) = delete;
  // Stops, aborts and waits for what runs.
  ~MilterServer() override;

  StatusOr<async::Endpoint> Start() override;
  // Connections on which no message is being decided are closed; others when theirs is.
  void Stop() override;
  bool WaitIdle(Milliseconds timeout) override;
  void Abort() override;
  [[nodiscard]] std::size_t connections() const override;

 private:
  class Running;

  std::unique_ptr<Running> running_;
};

}  // namespace penstock::ingress
