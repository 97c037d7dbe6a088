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
#include "engine/ingress/network_set.h"
#include "engine/ingress/smtp_connection.h"
#include "engine/ports/clock.h"
#include "engine/runtime/intake.h"

namespace penstock::ingress {

struct SmtpServerOptions {
  async::Endpoint listen;
  // Clients in these networks are trusted (O3); over a unix socket all are: its folder and mode
  // decide who gets in.
  NetworkSet trusted_networks;
  SmtpConnectionSettings connection;  // with name and direction of the listener, our host name
  std::size_t connections_max = limits::kConnectionsMax;
  std::size_t connections_per_client_max = limits::kConnectionsPerClientMax;  // not of trusted ones
};

class SmtpServer {
 public:
  // `executor`: of a thread pool, no strand; its context, `intake` and `clock` outlive the object.
  SmtpServer(async::Executor executor, SmtpServerOptions options, runtime::Intake& intake,
             const ports::Clock& clock);
  SmtpServer(const SmtpServer&) = delete;
  SmtpServer& operator=(const SmtpServer&) = delete;
  // Stops, aborts and waits for what runs.
  ~SmtpServer();

  // Listens, and accepts from now on; returns where, with the port that was taken for port 0.
  //   Errors: kUnavailable, kInvalidArgument, naming the endpoint. Call it once.
  StatusOr<async::Endpoint> Start();

  // Listens no longer: the address is free when it returns. Clients that have no transaction open
  // get 421 4.3.2; others when theirs is over.
  void Stop();

  // After Stop: waits until all connections are closed; false if some are still open.
  bool WaitIdle(Milliseconds timeout);

  // Closes all connections at once. Messages whose final dot was read are still decided, and
  // committed or not, before WaitIdle returns true.
  void Abort();

  [[nodiscard]] std::size_t connections() const;

 private:
  class Running;

  std::unique_ptr<Running> running_;
};

}  // namespace penstock::ingress
