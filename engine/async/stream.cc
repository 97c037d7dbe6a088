// SPDX-License-Identifier: Apache-2.0
#include "engine/async/stream.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>
#include <vector>

#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

namespace penstock::async {
namespace {

constexpr Deadline kNoDeadline = Deadline::max();

constexpr unsigned char kHttp2[] = "\x02h2";  // RFC 7301 §3.1, RFC 9113 §3.2

// What is learned while a handshake runs.
struct Learned {
  std::string certificate_fault;
  bool certificate_asked = false;
};

int OnCertificateAsked(SSL* /*ssl*/, void* learned) {
  static_cast<Learned*>(learned)->certificate_asked = true;
  return 1;
}

template <class TlsStream>
void Prepare(TlsStream& tls, TlsRole role, const TlsHandshake& handshake, Learned& learned) {
  SSL* ssl = tls.native_handle();
  boost::system::error_code ignored;
  if (handshake.check == PeerCheck::kNone) {
    tls.set_verify_mode(asio::ssl::verify_none, ignored);
  } else {
    const bool demand = handshake.check == PeerCheck::kDemand;
    tls.set_verify_mode(demand ? asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert
                               : asio::ssl::verify_peer,
                        ignored);
    tls.set_verify_callback(
        [&learned, demand, name = handshake.peer_name](bool ok,
                                                       asio::ssl::verify_context& context) {
          if (!ok && learned.certificate_fault.empty()) {
            learned.certificate_fault = CertificateFault(context.native_handle(), name);
          }
          return ok || !demand;
        },
        ignored);
  }
  if (role == TlsRole::kServer) return;
  SSL_set_cert_cb(ssl, &OnCertificateAsked, &learned);
  if (handshake.http2) SSL_set_alpn_protos(ssl, kHttp2, sizeof kHttp2 - 1);
  if (handshake.peer_name.empty()) return;
  boost::system::error_code no_address;
  asio::ip::make_address(handshake.peer_name, no_address);
  X509_VERIFY_PARAM* wanted = SSL_get0_param(ssl);
  if (!no_address) {
    X509_VERIFY_PARAM_set1_ip_asc(wanted, handshake.peer_name.c_str());
    return;
  }
  X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  X509_VERIFY_PARAM_set1_host(wanted, handshake.peer_name.data(), handshake.peer_name.size());
  // RFC 6066 §3: no addresses.
  SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
           const_cast<char*>(handshake.peer_name.c_str()));
}

TlsFacts FactsOf(SSL* ssl, const TlsHandshake& handshake, const Learned& learned) {
  TlsFacts facts;
  facts.version = SSL_get_version(ssl);
  facts.cipher = SSL_get_cipher_name(ssl);
  facts.certificate_asked = learned.certificate_asked;
  facts.peer_fault = learned.certificate_fault;
  const X509* peer = SSL_get0_peer_certificate(ssl);
  if (peer != nullptr && handshake.check != PeerCheck::kNone && facts.peer_fault.empty()) {
    facts.peer_subject = SubjectOf(peer);
  }
  const unsigned char* protocol = nullptr;
  unsigned octets = 0;
  SSL_get0_alpn_selected(ssl, &protocol, &octets);
  facts.http2 = octets == 2;
  return facts;
}

// Octets sent without a wait; an error is left to the next try.
template <class Socket>
std::size_t SendNow(Socket& socket, std::string_view octets) {
  const ssize_t sent =
      ::send(socket.native_handle(), octets.data(), octets.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent > 0 ? static_cast<std::size_t>(sent) : 0;
}

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
  std::shared_ptr<asio::ssl::context> tls_context;  // outlives `tls`
  std::unique_ptr<asio::ssl::stream<Socket&>> tls;  // null: plain text
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
  boost::system::error_code error;
  std::size_t octets = 0;
  if (state->tls) {
    std::tie(error, octets) =
        co_await state->tls->async_read_some(target, asio::as_tuple(asio::use_awaitable));
  } else {
    std::tie(error, octets) =
        co_await state->socket.async_read_some(target, asio::as_tuple(asio::use_awaitable));
  }
  // Without close_notify as well: what we speak says itself where it ends.
  if (error == asio::error::eof || error == asio::ssl::error::stream_truncated) {
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
  // What the system takes at once, nearly all of it, needs no turn of the executor.
  if (!state->tls) octets.remove_prefix(SendNow(state->socket, octets));
  if (octets.empty()) co_return OkStatus();
  state->Begin(deadline);
  const asio::const_buffer source(octets.data(), octets.size());
  boost::system::error_code error;
  std::size_t written = 0;
  if (state->tls) {
    std::tie(error, written) =
        co_await asio::async_write(*state->tls, source, asio::as_tuple(asio::use_awaitable));
  } else {
    std::tie(error, written) =
        co_await asio::async_write(state->socket, source, asio::as_tuple(asio::use_awaitable));
  }
  co_return state->End(error);
}

Task<TlsFacts> Stream::StartTls(std::shared_ptr<TlsContext> context, TlsHandshake handshake,
                                Deadline deadline) {
  const std::shared_ptr<State> state = state_;
  const auto cancellation = co_await asio::this_coro::cancellation_state;
  if (IsCancelled(cancellation)) co_return Cancelled("cancelled");
  state->tls_context = context->Current();
  state->tls = std::make_unique<asio::ssl::stream<Socket&>>(state->socket, *state->tls_context);
  Learned learned;
  Prepare(*state->tls, context->role(), handshake, learned);
  state->Begin(deadline);
  const auto side = context->role() == TlsRole::kServer ? asio::ssl::stream_base::server
                                                        : asio::ssl::stream_base::client;
  const auto [error] =
      co_await state->tls->async_handshake(side, asio::as_tuple(asio::use_awaitable));
  SSL* ssl = state->tls->native_handle();
  SSL_set_cert_cb(ssl, nullptr, nullptr);
  Status status = state->End(error);
  if (status.code() == StatusCode::kUnavailable) {
    status = Unavailable(Cat("TLS: ", HandshakeFault(error, learned.certificate_fault)));
  }
  PENSTOCK_CO_RETURN_IF_ERROR(status);
  co_return FactsOf(ssl, handshake, learned);
}

void Stream::Cancel() {
  boost::system::error_code ignored;
  state_->socket.cancel(ignored);
}

asio::awaitable<void> Stream::Linger(Deadline deadline) {
  boost::system::error_code error;
  if (state_->tls) {
    // Our close_notify, then what the peer still sends until its own.
    const std::shared_ptr<State> state = state_;
    state->Begin(deadline);
    std::ignore = co_await state->tls->async_shutdown(asio::as_tuple(asio::use_awaitable));
    std::ignore = state->End({});
  }
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
  if (!state_->socket.is_open() || state_->tls) return;
  std::ignore = SendNow(state_->socket, octets);
}

bool Stream::is_tls() const {
  return state_->tls != nullptr;
}

Executor Stream::executor() const {
  return state_->socket.get_executor();
}

}  // namespace penstock::async
