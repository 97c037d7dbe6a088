// SPDX-License-Identifier: Apache-2.0
#include "engine/delivery/smtp_delivery.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "engine/async/limiter.h"
#include "engine/async/run_on.h"
#include "engine/async/strand.h"
#include "engine/async/stream.h"
#include "engine/base/log.h"
#include "engine/base/mutex.h"
#include "engine/base/strings.h"
#include "engine/mail/address_literal.h"

namespace penstock::delivery {
namespace {

namespace asio = async::asio;
using mail::SmtpReply;
using Replies = std::vector<SmtpReply>;
using std::chrono::steady_clock;

// RFC 3463 §3.5: X.4.1, no answer from host.
constexpr mail::EnhancedStatus kNoAnswer{4, 4, 1};

// On its own strand, where alone a client may be touched.
void QuitLater(std::unique_ptr<SmtpClient> client) {
  const async::Executor strand = client->executor();
  asio::post(strand, [client = std::move(client)] { client->Quit(); });
}

// RFC 3464 §2.1.2, the type "dns": a host name or an address literal. A unix socket is on ours.
std::string NameOf(const async::Endpoint& server, const std::string& our_name) {
  if (server.host.empty()) return our_name;
  const std::string literal = mail::AddressLiteral(server.host);
  return literal.empty() ? server.host : literal;
}

const std::string& SubaddressOf(flow::Marking marking, const MarkingFields& fields) {
  static const std::string kNone;
  return marking == flow::Marking::kJunk              ? fields.junk.subaddress
         : marking == flow::Marking::kBypassSpamCheck ? fields.bypass_spam_check.subaddress
                                                      : kNone;
}

}  // namespace

// Shared with the deliveries that run. Threads: safe from any.
class SmtpDelivery::Connections : public std::enable_shared_from_this<Connections> {
 public:
  Connections(async::Executor executor, SmtpDeliveryOptions options)
      : executor_(std::move(executor)),
        options_(std::move(options)),
        limiter_(options_.deliveries_at_once),
        timer_(async::MakeStrand(executor_)) {
    servers_.push_back({options_.endpoint});
    for (const async::Endpoint& fallback : options_.fallbacks)
      servers_.push_back({fallback});
  }

  // On a strand: the one of `client`, or a new one.
  asio::awaitable<Replies> Deliver(std::unique_ptr<SmtpClient> client,
                                   ports::DeliveryRequest request);

  // The connection used last, so that those not needed grow old; null if there is none.
  std::unique_ptr<SmtpClient> TakeIdle();

  void Stop();

  [[nodiscard]] const async::Executor& executor() const { return executor_; }

  async::Limiter& limiter() { return limiter_; }

 private:
  struct Idle {
    std::unique_ptr<SmtpClient> client;
    steady_clock::time_point since;
  };

  struct Server {
    async::Endpoint endpoint;
    steady_clock::time_point rests_until{};  // others are taken first
  };

  std::vector<std::pair<std::size_t, async::Endpoint>> Turns();
  void SetRest(std::size_t server, bool rests);
  async::Task<std::unique_ptr<SmtpClient>> Open();
  async::Task<std::unique_ptr<SmtpClient>> OpenTo(async::Endpoint endpoint);
  asio::awaitable<TransactionResult> Transact(std::unique_ptr<SmtpClient>& client,
                                              SmtpTransaction transaction);
  void PutIdle(std::unique_ptr<SmtpClient> client);
  void ArmTimer() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void QuitOld();

  const async::Executor executor_;
  const SmtpDeliveryOptions options_;
  async::Limiter limiter_;
  Mutex mutex_;
  asio::steady_timer timer_ ABSL_GUARDED_BY(mutex_);
  bool armed_ ABSL_GUARDED_BY(mutex_) = false;           // the timer runs
  std::vector<Idle> idle_ ABSL_GUARDED_BY(mutex_);       // oldest first
  std::vector<Server> servers_ ABSL_GUARDED_BY(mutex_);  // the endpoint, and its fallbacks
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

SmtpDelivery::SmtpDelivery(async::Executor executor, SmtpDeliveryOptions options)
    : connections_(std::make_shared<Connections>(std::move(executor), std::move(options))) {}

SmtpDelivery::~SmtpDelivery() {
  connections_->Stop();
}

asio::awaitable<Replies> SmtpDelivery::Deliver(ports::DeliveryRequest request) {
  const std::shared_ptr<Connections> connections = connections_;
  const auto permit = co_await connections->limiter().Acquire();
  if (!permit.ok()) {
    const SmtpReply reply{451, kNoAnswer, std::string(Message(permit.status()))};
    co_return Replies(request.forward_paths.size(), reply);
  }
  std::unique_ptr<SmtpClient> client = connections->TakeIdle();
  const async::Executor strand =
      client ? client->executor() : async::MakeStrand(connections->executor());
  auto work = connections->Deliver(std::move(client), std::move(request));
  co_return co_await async::RunOn(strand, std::move(work));
}

asio::awaitable<Replies> SmtpDelivery::Connections::Deliver(std::unique_ptr<SmtpClient> client,
                                                            ports::DeliveryRequest request) {
  // A cancellation shows as kCancelled, and we return with replies.
  co_await asio::this_coro::throw_if_cancelled(false);
  const std::string& detail = SubaddressOf(request.marking, options_.marking);
  for (std::size_t i = 0; i < request.forward_paths.size(); ++i) {
    std::string& path = request.forward_paths[i];
    if (i < request.owned.size() && request.owned[i]) path = WithoutMarking(path, options_.marking);
    if (!detail.empty()) path = WithSubaddress(path, detail);
  }
  auto content = OutgoingContent::Open(request.trace_field, request.marking, options_.marking,
                                       request.content);
  StatusOr<bool> binary = false;
  // Only what came as 8-bit may be binary (RFC 3030 §3): other mail is read once.
  if (content.ok() && request.body_8bit) binary = content->NeedsBinary();
  if (!binary.ok()) content = binary.status();
  if (!content.ok()) {
    const bool for_good = content.status().code() == StatusCode::kInvalidArgument;
    const std::string text = Cat("content: ", Message(content.status()));
    const SmtpReply reply =
        for_good ? SmtpReply{554, {5, 6, 0}, text} : SmtpReply{451, {4, 3, 0}, text};
    if (client) PutIdle(std::move(client));
    co_return Replies(request.forward_paths.size(), reply);
  }
  SmtpTransaction transaction;
  transaction.reverse_path = request.reverse_path;
  transaction.forward_paths = request.forward_paths;
  transaction.smtputf8 = request.smtputf8;
  transaction.body_8bit = request.body_8bit;
  transaction.body_binary = *binary;
  transaction.dsn = request.dsn;
  transaction.recipients_dsn = request.recipients_dsn;
  transaction.client = request.client;
  transaction.message = request.message.text();
  transaction.content = &*content;
  TransactionResult result = co_await Transact(client, transaction);
  Replies replies = std::move(result.replies);
  // A server that takes fewer recipients in one transaction than we have takes the rest in the
  // next.
  std::vector<std::size_t> rest = std::move(result.left_over);
  while (client && !rest.empty()) {
    transaction.forward_paths.clear();
    transaction.recipients_dsn.clear();
    for (const std::size_t i : rest) {
      transaction.forward_paths.push_back(request.forward_paths[i]);
      if (i < request.recipients_dsn.size())
        transaction.recipients_dsn.push_back(request.recipients_dsn[i]);
    }
    result = co_await Transact(client, transaction);
    for (std::size_t i = 0; i < rest.size(); ++i)
      replies[rest[i]] = std::move(result.replies[i]);
    std::vector<std::size_t> next;
    for (const std::size_t i : result.left_over)
      next.push_back(rest[i]);
    rest.swap(next);
  }
  if (client) PutIdle(std::move(client));
  co_return replies;
}

// One transaction over `client`, or over a new connection if there is none. Afterwards `client` is
// null if the connection is of no more use.
asio::awaitable<TransactionResult> SmtpDelivery::Connections::Transact(
    std::unique_ptr<SmtpClient>& client, SmtpTransaction transaction) {
  if (client) {
    TransactionResult result;
    const bool quiet = client->IsQuiet();
    if (quiet) {
      result = co_await client->Transact(transaction);
      if (!result.usable) client.reset();
      // A connection that was idle may be dead without our knowing: once more on a new one.
      if (!result.nothing_sent || result.cancelled) co_return result;
    }
    client.reset();
  }
  auto opened = co_await Open();
  if (!opened.ok()) {
    TransactionResult result;
    result.replies.assign(transaction.forward_paths.size(),
                          {451, kNoAnswer, std::string(Message(opened.status()))});
    result.cancelled = opened.status().code() == StatusCode::kCancelled;
    co_return result;
  }
  client = *std::move(opened);
  TransactionResult result = co_await client->Transact(std::move(transaction));
  if (!result.usable) client.reset();
  co_return result;
}

// The order to try servers in: as configured, those that rest last. A rest that is over begins
// anew, so that one delivery at a time finds out whether the server is back.
std::vector<std::pair<std::size_t, async::Endpoint>> SmtpDelivery::Connections::Turns() {
  std::vector<std::pair<std::size_t, async::Endpoint>> turns;
  std::vector<std::pair<std::size_t, async::Endpoint>> resting;
  const MutexLock lock(mutex_);
  const auto now = steady_clock::now();
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    auto& until = servers_[i].rests_until;
    (until > now ? resting : turns).emplace_back(i, servers_[i].endpoint);
    if (until <= now && until != steady_clock::time_point()) until = now + options_.server_rest;
  }
  turns.insert(turns.end(), resting.begin(), resting.end());
  return turns;
}

void SmtpDelivery::Connections::SetRest(std::size_t server, bool rests) {
  const MutexLock lock(mutex_);
  servers_[server].rests_until =
      rests ? steady_clock::now() + options_.server_rest : steady_clock::time_point();
}

// The first server that takes the session; the error is the last one's. A server that cannot be
// reached costs its timeout once, not each message that comes.
async::Task<std::unique_ptr<SmtpClient>> SmtpDelivery::Connections::Open() {
  const auto turns = Turns();
  Status last;
  for (std::size_t i = 0; i < turns.size(); ++i) {
    const auto& [server, endpoint] = turns[i];
    auto client = co_await OpenTo(endpoint);
    if (!client.ok() && client.status().code() == StatusCode::kCancelled) co_return client;
    SetRest(server, !client.ok());
    if (client.ok()) co_return client;
    last = client.status();
    if (i + 1 == turns.size()) break;
    Log(LogLevel::kWarning, "server_not_used",
        {{"server", endpoint.ToString()},
         {"fallback", turns[i + 1].second.ToString()},
         {"error", std::string(Message(last))}});
  }
  co_return last;
}

// Tries each address in turn; the error is the last one's.
async::Task<std::unique_ptr<SmtpClient>> SmtpDelivery::Connections::OpenTo(
    async::Endpoint endpoint) {
  const auto addresses = co_await async::Resolve(endpoint);
  if (!addresses.ok()) co_return addresses.status();
  SmtpClientOptions client_options = options_.client;
  if (client_options.tls_name.empty()) client_options.tls_name = endpoint.host;
  client_options.server = NameOf(endpoint, client_options.helo_name);
  Status last;
  for (const async::SocketAddress& address : *addresses) {
    auto client = co_await SmtpClient::Open(address, client_options);
    if (client.ok() || client.status().code() == StatusCode::kCancelled) co_return client;
    last = client.status();
  }
  co_return last;
}

std::unique_ptr<SmtpClient> SmtpDelivery::Connections::TakeIdle() {
  const MutexLock lock(mutex_);
  if (idle_.empty()) return nullptr;
  std::unique_ptr<SmtpClient> client = std::move(idle_.back().client);
  idle_.pop_back();
  return client;
}

void SmtpDelivery::Connections::PutIdle(std::unique_ptr<SmtpClient> client) {
  const auto now = steady_clock::now();
  const bool old = now - client->opened() >= options_.connection_age_max;
  {
    const MutexLock lock(mutex_);
    if (!stopped_ && !old) {
      idle_.push_back({std::move(client), now});
      if (!armed_) ArmTimer();
      return;
    }
  }
  client->Quit();
}

void SmtpDelivery::Connections::ArmTimer() {
  armed_ = true;
  timer_.expires_at(idle_.front().since + options_.connection_idle);
  timer_.async_wait([weak = weak_from_this()](const auto& error) {
    const auto self = weak.lock();
    if (self && !error) self->QuitOld();
  });
}

void SmtpDelivery::Connections::QuitOld() {
  std::vector<Idle> old;
  {
    const MutexLock lock(mutex_);
    armed_ = false;
    const auto limit = steady_clock::now() - options_.connection_idle;
    const auto young = std::find_if(idle_.begin(), idle_.end(),
                                    [&](const Idle& idle) { return idle.since > limit; });
    old.assign(std::make_move_iterator(idle_.begin()), std::make_move_iterator(young));
    idle_.erase(idle_.begin(), young);
    if (!idle_.empty()) ArmTimer();
  }
  for (Idle& idle : old)
    QuitLater(std::move(idle.client));
}

void SmtpDelivery::Connections::Stop() {
  std::vector<Idle> idle;
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
    idle.swap(idle_);
    timer_.cancel();
  }
  for (Idle& one : idle)
    QuitLater(std::move(one.client));
}

}  // namespace penstock::delivery
