// SPDX-License-Identifier: Apache-2.0
#include "engine/ingress/milter_server.h"

#include <future>
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

namespace penstock::ingress {

namespace asio = async::asio;

// Threads: safe from any.
class MilterServer::Running {
 public:
  Running(async::Executor executor, MilterServerOptions options, runtime::Intake& intake,
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
  using Connection = std::shared_ptr<MilterConnection>;

  asio::awaitable<void> AcceptAll();
  void Welcome(std::unique_ptr<async::Stream> stream);
  asio::awaitable<void> Serve(Connection connection);
  [[nodiscard]] std::vector<Connection> All() const;

  [[nodiscard]] const std::string& name() const { return options_.connection.policy.name; }

  const async::Executor executor_;
  const MilterServerOptions options_;
  runtime::Intake& intake_;
  const ports::Clock& clock_;
  std::shared_ptr<async::Listener> listener_;  // on its own strand
  mutable Mutex mutex_;
  std::unordered_set<Connection> connections_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  async::TaskGroup tasks_;
};

MilterServer::MilterServer(async::Executor executor, MilterServerOptions options,
                           runtime::Intake& intake, const ports::Clock& clock)
    : running_(std::make_unique<Running>(std::move(executor), std::move(options), intake, clock)) {}

MilterServer::~MilterServer() {
  Stop();
  Abort();
  while (!WaitIdle(limits::kDrainDeadline)) {
    Log(LogLevel::kWarning, "listener_still_busy");
  }
}

StatusOr<async::Endpoint> MilterServer::Start() {
  return running_->Start();
}

void MilterServer::Stop() {
  running_->Stop();
}

bool MilterServer::WaitIdle(Milliseconds timeout) {
  return running_->WaitIdle(timeout);
}

void MilterServer::Abort() {
  running_->Abort();
}

std::size_t MilterServer::connections() const {
  return running_->connections();
}

StatusOr<async::Endpoint> MilterServer::Running::Start() {
  PENSTOCK_ASSIGN_OR_RETURN(listener_, async::Listener::Open(executor_, options_.listen));
  tasks_.Spawn(listener_->executor(), AcceptAll(), "accept");
  return listener_->endpoint();
}

asio::awaitable<void> MilterServer::Running::AcceptAll() {
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

void MilterServer::Running::Welcome(std::unique_ptr<async::Stream> stream) {
  const std::string peer = async::IpAddressOf(stream->peer());
  const MutexLock lock(mutex_);
  // Closed without a word, an MTA does what it is configured to do by default: 451.
  if (stopping_) return stream->Close();
  if (!peer.empty() && !options_.mta_networks.Contains(peer)) {
    Log(LogLevel::kWarning, "milter_peer_refused", {{"listener", name()}, {"peer", peer}});
    return stream->Close();
  }
  if (connections_.size() >= options_.connections_max) {
    Log(LogLevel::kWarning, "too_many_connections", {{"listener", name()}, {"client", peer}});
    return stream->Close();
  }
  const auto connection =
      std::make_shared<MilterConnection>(std::move(stream), options_.connection, intake_, clock_);
  connections_.insert(connection);
  Gauge(metrics::kConnections, {{"listener", name()}}, static_cast<double>(connections_.size()));
  tasks_.Spawn(connection->executor(), Serve(connection), "milter connection");
}

asio::awaitable<void> MilterServer::Running::Serve(Connection connection) {
  co_await connection->Run();
  const MutexLock lock(mutex_);
  connections_.erase(connection);
  Gauge(metrics::kConnections, {{"listener", name()}}, static_cast<double>(connections_.size()));
}

std::vector<MilterServer::Running::Connection> MilterServer::Running::All() const {
  const MutexLock lock(mutex_);
  return {connections_.begin(), connections_.end()};
}

void MilterServer::Running::Stop() {
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

void MilterServer::Running::Abort() {
  for (const Connection& connection : All()) {
    asio::post(connection->executor(), [connection] { connection->Abort(); });
  }
}

}  // namespace penstock::ingress
