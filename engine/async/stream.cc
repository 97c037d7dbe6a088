// SPDX-License-Identifier: Apache-2.0
#include "engine/async/stream.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "engine/base/limits.h"
#include "engine/base/strings.h"

namespace penstock::async {
namespace {

constexpr Deadline kNoDeadline = Deadline::max();

bool IsCancelled(const asio::cancellation_state& state) {
  return state.cancelled() != asio::cancellation_type::none;
}

}  // namespace

Deadline After(Milliseconds duration) {
  return std::chrono::steady_clock::now() + duration;
}

// The timer is armed for the earliest deadline it has seen; an operation that ends in time leaves
// it armed. When it fires too early it is armed again for what is waited for then.
struct Stream::State : std::enable_shared_from_this<State> {
  explicit State(Socket s) : socket(std::move(s)), timer(socket.get_executor()) {}

  void Begin(Deadline until) {
    deadline = until;
    timed_out = false;
    if (!armed || until < timer.expiry()) Arm();
  }

  // What the operation that `error` ended has to say.
  Status End(const boost::system::error_code& error) {
    deadline = kNoDeadline;
    if (!error) return OkStatus();
    if (error != asio::error::operation_aborted) return Unavailable(error.message());
    return timed_out ? DeadlineExceeded("no octet in time") : Cancelled("cancelled");
  }

  void Arm() {
    armed = true;
    timer.expires_at(deadline);
    timer.async_wait([weak = weak_from_this(), arming = ++arming_](const auto& /*error*/) {
      const auto self = weak.lock();
      if (self && arming == self->arming_) self->OnTimer();
    });
  }

  void OnTimer() {
    armed = false;
    if (deadline == kNoDeadline) return;
    if (std::chrono::steady_clock::now() < deadline) {
      Arm();
      return;
    }
    timed_out = true;
    boost::system::error_code ignored;
    socket.cancel(ignored);
  }

  Socket socket;
  asio::steady_timer timer;
  Deadline deadline = kNoDeadline;  // of the operation that runs; kNoDeadline: none does
  bool armed = false;
  bool timed_out = false;

 private:
  unsigned arming_ = 0;  // a handler of an earlier arming does nothing
};

Stream::Stream(Socket socket) : state_(std::make_shared<State>(std::move(socket))) {
  boost::system::error_code error;
  peer_ = state_->socket.remote_endpoint(error);
  // Replies are small and awaited: Nagle's algorithm would hold each back for the peer's delayed
  // acknowledgement. Fails on a unix socket, which has no such thing.
  state_->socket.set_option(asio::ip::tcp::no_delay(true), error);
}

Stream::~Stream() {
  Close();
}

Task<std::unique_ptr<Stream>> Stream::Connect(SocketAddress address, Deadline deadline) {
  const auto state = std::make_shared<State>(Socket(co_await asio::this_coro::executor));
  const auto cancellation = co_await asio::this_coro::cancellation_state;
  if (IsCancelled(cancellation)) co_return Cancelled("cancelled");
  state->Begin(deadline);
  const auto [error] =
      co_await state->socket.async_connect(address, asio::as_tuple(asio::use_awaitable));
  Status status = state->End(error);
  state->timer.cancel();
  if (status.code() == StatusCode::kDeadlineExceeded) {
    co_return DeadlineExceeded(Cat("connect to ", ToString(address), ": no answer in time"));
  }
  if (!status.ok()) co_return Annotate(status, Cat("connect to ", ToString(address)));
  co_return std::make_unique<Stream>(std::move(state->socket));
}

Task<std::size_t> Stream::Read(std::span<char> buffer, Deadline deadline) {
  const std::shared_ptr<State> state = state_;
  // A cancellation that came while nothing was waited for would be lost.
  const auto cancellation = co_await asio::this_coro::cancellation_state;
  if (IsCancelled(cancellation)) co_return Cancelled("cancelled");
  state->Begin(deadline);
  const asio::mutable_buffer target(buffer.data(), buffer.size());
  const auto [error, octets] =
      co_await state->socket.async_read_some(target, asio::as_tuple(asio::use_awaitable));
  if (error == asio::error::eof) {
    state->deadline = kNoDeadline;
    co_return std::size_t{0};
  }
  Status status = state->End(error);
  if (!status.ok()) co_return status;
  co_return octets;
}

Task<void> Stream::Write(std::string_view octets, Deadline deadline) {
  const std::shared_ptr<State> state = state_;
  // A cancellation that came while nothing was waited for would be lost.
  const auto cancellation = co_await asio::this_coro::cancellation_state;
  if (IsCancelled(cancellation)) co_return Cancelled("cancelled");
  state->Begin(deadline);
  const asio::const_buffer source(octets.data(), octets.size());
  const auto [error, written] =
      co_await asio::async_write(state->socket, source, asio::as_tuple(asio::use_awaitable));
  co_return state->End(error);
}

void Stream::Cancel() {
  boost::system::error_code ignored;
  state_->socket.cancel(ignored);
}

asio::awaitable<void> Stream::Linger(Deadline deadline) {
  boost::system::error_code error;
  state_->socket.shutdown(Socket::shutdown_send, error);
  std::size_t dropped = 0;
  std::vector<char> buffer(4096);
  while (!error && dropped < limits::kLingerOctetsMax) {
    const auto octets = co_await Read(buffer, deadline);
    if (!octets.ok() || *octets == 0) break;
    dropped += *octets;
  }
  Close();
}

void Stream::Close() {
  boost::system::error_code ignored;
  state_->timer.cancel();
  state_->socket.close(ignored);
}

bool Stream::IsQuiet() {
  if (!state_->socket.is_open()) return false;
  char octet = 0;
  const ssize_t got = ::recv(state_->socket.native_handle(), &octet, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

void Stream::TryWrite(std::string_view octets) {
  if (!state_->socket.is_open()) return;
  std::ignore = ::send(state_->socket.native_handle(), octets.data(), octets.size(),
                       MSG_DONTWAIT | MSG_NOSIGNAL);
}

Executor Stream::executor() const {
  return state_->socket.get_executor();
}

}  // namespace penstock::async
