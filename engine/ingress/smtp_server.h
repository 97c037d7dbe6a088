// SPDX-License-Identifier: Apache-2.0
// A listener that takes mail by SMTP.
//
//   SmtpServer server(pool.get_executor(), std::move(options), intake, clock);
//   server.Start()  …  server.Stop(); server.WaitIdle(drain_deadline); server.Abort();
//
// Threads: all functions from any thread but those of `executor`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/async/endpoint.h"
#include "engine/async/task.h"
#include "engine/base/limits.h"
#include "engine/base/time.h"
#include "engine/ingress/front_door.h"
#include "engine/ingress/smtp_connection.h"
#include "engine/ports/clock.h"
#include "engine/runtime/intake.h"

namespace penstock::ingress {

struct SmtpServerOptions {
  async::Endpoint listen;
  // With name and direction of the listener, our host name. Over a unix socket all clients are
  // trusted (O3): its folder and mode decide who gets in.
  SmtpConnectionSettings connection;
  std::size_t connections_max = limits::kConnectionsMax;
  std::size_t connections_per_client_max = limits::kConnectionsPerClientMax;  // not of trusted ones
};

class SmtpServer final : public FrontDoor {
 public:
  // `executor`: of a thread pool, no strand; its context, `intake` and `clock` outlive the object.
  SmtpServer(async::Executor executor, SmtpServerOptions options, runtime::Intake& intake,
             const ports::Clock& clock);
  SmtpServer(const SmtpServer&) = delete;
  SmtpServer& operator=(const SmtpServer&) = delete;
  // Stops, aborts and waits for what runs.
  ~SmtpServer() override;

  StatusOr<async::Endpoint> Start() override;
  // Clients that have no transaction open get 421 4.3.2; others when theirs is over.
  void Stop() override;
  bool WaitIdle(Milliseconds timeout) override;
  void Abort() override;
  [[nodiscard]] std::size_t connections() const override;

 private:
  class Running;

  std::unique_ptr<Running> running_;
};

}  // namespace penstock::ingress
