// SPDX-License-Identifier: Apache-2.0
#include "engine/async/listener.h"

#include <cerrno>
#include <utility>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "engine/async/strand.h"
#include "engine/base/strings.h"

namespace penstock::async {
namespace {

using boost::system::error_code;
using Protocol = asio::generic::stream_protocol;

constexpr mode_t kUnixSocketMode = 0660;

StatusOr<SocketAddress> ListenAddress(const Endpoint& endpoint, const Executor& executor) {
  if (!endpoint.unix_path.empty()) {
    return SocketAddress(asio::local::stream_protocol::endpoint(endpoint.unix_path));
  }
  error_code error;
  const auto ip = asio::ip::make_address(endpoint.host, error);
  if (!error) return SocketAddress(asio::ip::tcp::endpoint(ip, endpoint.port));
  asio::ip::tcp::resolver resolver(executor);
  const auto found = resolver.resolve(endpoint.host, Cat(endpoint.port),
                                      asio::ip::tcp::resolver::numeric_service, error);
  if (error) return Unavailable(Cat("host ", endpoint.host, ": ", error.message()));
  return SocketAddress(found.begin()->endpoint());
}

// A socket file outlives a daemon that was killed. One that somebody listens on stays.
void RemoveStaleSocket(const Endpoint& endpoint, const SocketAddress& address) {
  struct stat found {};

  if (::lstat(endpoint.unix_path.c_str(), &found) != 0 || !S_ISSOCK(found.st_mode)) return;
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return;
  const int connected = ::connect(probe, address.data(), static_cast<socklen_t>(address.size()));
  const bool stale = connected != 0 && errno == ECONNREFUSED;
  ::close(probe);
  if (stale) ::unlink(endpoint.unix_path.c_str());
}

}  // namespace

StatusOr<std::unique_ptr<Listener>> Listener::Open(Executor executor, const Endpoint& endpoint) {
  const std::string what = Cat("listen on ", endpoint.ToString());
  const auto address = ListenAddress(endpoint, executor);
  if (!address.ok()) return Annotate(address.status(), what);
  Acceptor acceptor(async::MakeStrand(executor));
  error_code error;
  const auto failed = [&](const char* step) {
    return Unavailable(Cat(what, ": ", error.message(), " (", step, ")"));
  };
  const int family = address->data()->sa_family;
  acceptor.open(Protocol(family, 0), error);
  if (error) return failed("socket");
  if (family == AF_UNIX) {
    RemoveStaleSocket(endpoint, *address);
  } else {
    acceptor.set_option(Acceptor::reuse_address(true), error);
    if (error) return failed("SO_REUSEADDR");
  }
  acceptor.bind(*address, error);
  if (error == asio::error::address_in_use) {
    return Unavailable(
        Cat(what,
            ": another process uses this address; stop that one (ss -ltnp names it), or "
            "configure another"));
  }
  if (error == asio::error::access_denied) {
    return Unavailable(Cat(what, ": ", error.message(),
                           "; ports below 1024 need the capability CAP_NET_BIND_SERVICE"));
  }
  if (error) return failed("bind");
  if (family == AF_UNIX && ::chmod(endpoint.unix_path.c_str(), kUnixSocketMode) != 0) {
    error = error_code(errno, boost::system::system_category());
    return failed("chmod");
  }
  acceptor.listen(Acceptor::max_listen_connections, error);
  if (error) return failed("listen");
  Endpoint actual = endpoint;
  if (family != AF_UNIX) {
    const SocketAddress local = acceptor.local_endpoint(error);
    if (error) return failed("getsockname");
    actual.port = PortOf(local);
  }
  return std::unique_ptr<Listener>(
      new Listener(std::move(executor), std::move(acceptor), std::move(actual)));
}

Listener::Listener(Executor executor, Acceptor acceptor, Endpoint endpoint)
    : executor_(std::move(executor)),
      acceptor_(std::move(acceptor)),
      endpoint_(std::move(endpoint)) {}

Listener::~Listener() {
  Close();
}

Task<std::unique_ptr<Stream>> Listener::Accept() {
  const Executor strand = async::MakeStrand(executor_);
  auto [error, socket] =
      co_await acceptor_.async_accept(strand, asio::as_tuple(asio::use_awaitable));
  if (error == asio::error::operation_aborted || !acceptor_.is_open()) {
    co_return Cancelled("listener closed");
  }
  if (error) co_return Unavailable(Cat("accept: ", error.message()));
  co_return std::make_unique<Stream>(std::move(socket));
}

void Listener::Close() {
  if (!acceptor_.is_open()) return;
  error_code ignored;
  acceptor_.close(ignored);
  if (!endpoint_.unix_path.empty()) ::unlink(endpoint_.unix_path.c_str());
}

}  // namespace penstock::async
