// SPDX-License-Identifier: Apache-2.0
#include "engine/ingress/smtp_server.h"

#include <future>
#include <map>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>

#include "engine/async/deadline.h"
#include "engine/async/listener.h"
#include "engine/async/spawn.h"
#include "engine/async/stream.h"
#include "engine/base/log.h"
#include "engine/base/metrics.h"
#include "engine/base/mutex.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

namespace penstock::ingress {

namespace asio = async::asio;

// Threads: safe from any.
class SmtpServer::Running {
 public:
  Running(async::Executor executor, SmtpServerOptions options, runtime::Intake& intake,
          const ports::Clock& clock)
      : executor_(std::move(executor)),
        options_(std::move(options)),
        intake_(intake),
        clock_(clock) {}

  StatusOr<async::Endpoint> Start();
  void Stop();
  void Abort();

  bool WaitIdle(Milliseconds timeout) { return tasks_.WaitIdle(timeout); }

  [[nodiscard]] std::size_t connections() const {
    const MutexLock lock(mutex_);
    return connections_.size();
  }

 private:
  using Connection = std::shared_ptr<SmtpConnection>;

  asio::awaitable<void> AcceptAll();
  void Welcome(std::unique_ptr<async::Stream> stream);
  void TurnAway(async::Stream& stream, mail::EnhancedStatus status, std::string_view why) const;
  asio::awaitable<void> Serve(Connection connection, std::string address);
  [[nodiscard]] std::vector<Connection> All() const;

  [[nodiscard]] const std::string& name() const { return options_.connection.policy.name; }

  const async::Executor executor_;
  const SmtpServerOptions options_;
  runtime::Intake& intake_;
  const ports::Clock& clock_;
  std::shared_ptr<async::Listener> listener_;  // on its own strand
  mutable Mutex mutex_;
  std::unordered_set<Connection> connections_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::size_t> clients_ ABSL_GUARDED_BY(mutex_);  // connections by address
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  async::TaskGroup tasks_;
};

SmtpServer::SmtpServer(async::Executor executor, SmtpServerOptions options, runtime::Intake& intake,
                       const ports::Clock& clock)
    : running_(std::make_unique<Running>(std::move(executor), std::move(options), intake, clock)) {}

SmtpServer::~SmtpServer() {
  Stop();
  Abort();
  while (!WaitIdle(limits::kDrainDeadline)) {
    Log(LogLevel::kWarning, "listener_still_busy");
  }
}

StatusOr<async::Endpoint> SmtpServer::Start() {
  return running_->Start();
}

void SmtpServer::Stop() {
  running_->Stop();
}

bool SmtpServer::WaitIdle(Milliseconds timeout) {
  return running_->WaitIdle(timeout);
}

void SmtpServer::Abort() {
  running_->Abort();
}

std::size_t SmtpServer::connections() const {
  return running_->connections();
}

StatusOr<async::Endpoint> SmtpServer::Running::Start() {
  PENSTOCK_ASSIGN_OR_RETURN(listener_, async::Listener::Open(executor_, options_.listen));
  tasks_.Spawn(listener_->executor(), AcceptAll(), "accept");
  return listener_->endpoint();
}

asio::awaitable<void> SmtpServer::Running::AcceptAll() {
  while (true) {
    auto stream = co_await listener_->Accept();
    if (stream.ok()) {
      Welcome(*std::move(stream));
    } else if (stream.status().code() == StatusCode::kCancelled) {
      co_return;
    } else {
      Log(LogLevel::kWarning, "accept_failed",
          {{"listener", name()}, {"error", std::string(Message(stream.status()))}});
      std::ignore = co_await async::Sleep(limits::kAcceptRetry);
    }
  }
}

void SmtpServer::Running::Welcome(std::unique_ptr<async::Stream> stream) {
  mail::ClientInfo client;
  client.address = async::IpAddressOf(stream->peer());
  client.listener = name();
  client.trusted =
      client.address.empty() || options_.connection.trusted_networks.Contains(client.address);
  const MutexLock lock(mutex_);
  if (stopping_) return TurnAway(*stream, {4, 3, 2}, "is shutting down");
  if (connections_.size() >= options_.connections_max) {
    Log(LogLevel::kWarning, "too_many_connections",
        {{"listener", name()}, {"client", client.address}});
    return TurnAway(*stream, {4, 3, 2}, "has too many connections");
  }
  const std::string address = client.trusted ? "" : client.address;
  if (!address.empty() && clients_[address]++ >= options_.connections_per_client_max) {
    --clients_[address];
    Log(LogLevel::kWarning, "too_many_connections_of_client",
        {{"listener", name()}, {"client", client.address}});
    return TurnAway(*stream, {4, 7, 0}, "has too many connections of yours");
  }
  const auto connection = std::make_shared<SmtpConnection>(std::move(stream), options_.connection,
                                                           std::move(client), intake_, clock_);
  connections_.insert(connection);
  Gauge(metrics::kConnections, {{"listener", name()}}, static_cast<double>(connections_.size()));
  tasks_.Spawn(connection->executor(), Serve(connection, address), "smtp connection");
}

// Waits for nothing: of such clients there may be any number.
void SmtpServer::Running::TurnAway(async::Stream& stream, mail::EnhancedStatus status,
                                   std::string_view why) const {
  const mail::SmtpReply reply{421, status, Cat(options_.connection.session.host_name, " ", why)};
  stream.TryWrite(reply.ToWire());
  stream.Close();
}

// `address`: under which the client is counted; empty: under none.
asio::awaitable<void> SmtpServer::Running::Serve(Connection connection, std::string address) {
  co_await connection->Run();
  const MutexLock lock(mutex_);
  connections_.erase(connection);
  if (!address.empty() && --clients_[address] == 0) clients_.erase(address);
  Gauge(metrics::kConnections, {{"listener", name()}}, static_cast<double>(connections_.size()));
}

std::vector<SmtpServer::Running::Connection> SmtpServer::Running::All() const {
  const MutexLock lock(mutex_);
  return {connections_.begin(), connections_.end()};
}

void SmtpServer::Running::Stop() {
  {
    const MutexLock lock(mutex_);
    if (std::exchange(stopping_, true)) return;
  }
  if (listener_) {
    // Waited for, so that another listener may take the address at once.
    const auto closed = std::make_shared<std::promise<void>>();
    asio::post(listener_->executor(), [listener = listener_, closed] {
      listener->Close();
      closed->set_value();
    });
    closed->get_future().wait_for(limits::kListenerCloseWait);
  }
  for (const Connection& connection : All()) {
    asio::post(connection->executor(), [connection] { connection->RequestStop(); });
  }
}

void SmtpServer::Running::Abort() {
  for (const Connection& connection : All()) {
    asio::post(connection->executor(), [connection] { connection->Abort(); });
  }
}

}  // namespace penstock::ingress
