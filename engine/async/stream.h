// SPDX-License-Identifier: Apache-2.0
// A connection of octets over TCP or a unix socket, with TLS once StartTls has been called. Every
// wait has a deadline; one timer a connection watches over them, so that a read or write costs no
// timer of its own.
//
// Threads: a Stream belongs to one strand, its socket's executor; all calls are made there.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

#include "engine/async/endpoint.h"
#include "engine/async/task.h"
#include "engine/async/tls_context.h"
#include "engine/base/time.h"

namespace penstock::async {

using Deadline = std::chrono::steady_clock::time_point;

Deadline After(Milliseconds duration);

class Stream {
 public:
  using Socket = asio::generic::stream_protocol::socket;

  // Takes a connected socket, whose executor is a strand.
  explicit Stream(Socket socket);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream();

  // Connects from the caller's executor, a strand.
  //   Errors: kUnavailable, kDeadlineExceeded, kCancelled; the text names the address.
  static Task<std::unique_ptr<Stream>> Connect(SocketAddress address, Deadline deadline);

  // Reads what is there, one octet at least, and waits for it; 0: the peer sends no more.
  //   Errors: kDeadlineExceeded; kCancelled (Cancel, Close, or the coroutine was cancelled);
  //   kUnavailable (reset by the peer).
  Task<std::size_t> Read(std::span<char> buffer, Deadline deadline);

  // Writes all of it. `octets` outlive the call. Errors: as Read; how much went out is not known.
  Task<void> Write(std::string_view octets, Deadline deadline);

  // From here on all octets go through TLS, in the role of `context`. Nothing may have been read
  // that belongs to the handshake, and nothing else may run.
  //   Errors: kUnavailable, "TLS: why" in words of HandshakeFault; as Read. The connection is of no
  //   use then.
  Task<TlsFacts> StartTls(std::shared_ptr<TlsContext> context, TlsHandshake handshake,
                          Deadline deadline);

  // Makes the Read or Write that runs return kCancelled. The connection stays open.
  void Cancel();

  // Ends our side and lets the peer read what we wrote: drops what it still sends, up to
  // limits::kLingerOctetsMax and until `deadline`, then closes. Closing with unread octets would
  // reset the connection, and a reset overtakes a reply.
  asio::awaitable<void> Linger(Deadline deadline);

  void Close();

  // Open, and the peer has sent nothing and not closed its side: fit for another request.
  [[nodiscard]] bool IsQuiet();

  // Sends what the socket takes at once and does not wait: for a farewell. Under TLS nothing.
  void TryWrite(std::string_view octets);

  [[nodiscard]] const SocketAddress& peer() const { return peer_; }

  // StartTls was called.
  [[nodiscard]] bool is_tls() const;

  [[nodiscard]] Executor executor() const;

 private:
  struct State;

  // The State outlives the Stream while the timer's handler waits to run.
  std::shared_ptr<State> state_;
  SocketAddress peer_;
};

}  // namespace penstock::async
