// SPDX-License-Identifier: Apache-2.0
// A listening socket, TCP or unix. Each connection it accepts is on a strand of its own.
#pragma once

#include <cstdint>
#include <memory>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

#include "engine/async/endpoint.h"
#include "engine/async/stream.h"
#include "engine/async/task.h"

namespace penstock::async {

// Threads: Open from any; everything else on executor().
class Listener {
 public:
  // Binds and listens; `executor` is no strand, so that connections run beside each other. Of a
  // host name the first address is taken. A unix socket that nobody listens
  // on is replaced; a new one has mode 0660.
  //   Errors: kUnavailable (address in use, no permission), kInvalidArgument; naming the endpoint.
  static StatusOr<std::unique_ptr<Listener>> Open(Executor executor, const Endpoint& endpoint);

  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  // Closes; removes a unix socket's file.
  ~Listener();

  // Waits for a connection.
  //   Errors: kCancelled after Close; kUnavailable for what passes by itself (no file descriptors
  //   left, a client that went away): wait a little, then call again.
  Task<std::unique_ptr<Stream>> Accept();

  void Close();

  // The strand that accepts.
  [[nodiscard]] Executor executor() { return acceptor_.get_executor(); }

  // Where it listens, with the port that was taken for port 0.
  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }

 private:
  using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol>;

  Listener(Executor executor, Acceptor acceptor, Endpoint endpoint);

  Executor executor_;
  Acceptor acceptor_;
  Endpoint endpoint_;
};

}  // namespace penstock::async
