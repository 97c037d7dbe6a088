// SPDX-License-Identifier: Apache-2.0
// A server on a free port of loopback, over an intake in memory.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <boost/asio/thread_pool.hpp>
#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "engine/ingress/smtp_server.h"
#include "tests/support/fake_intake.h"
#include "tests/support/raw_socket.h"

namespace penstock::tests {

class StoppedClock final : public ports::Clock {
 public:
  [[nodiscard]] Time Now() const override { return FromUnixMillis(1'800'000'000'123); }
};

struct ServerFixture {
  ServerFixture() {
    options.listen.host = "127.0.0.1";
    options.connection.session.host_name = "mx.example";
    options.connection.session.message_octets_max = 50U << 20U;
    options.connection.policy.name = "in";
    options.connection.linger_timeout = std::chrono::milliseconds(200);
  }

  // The destructor of the server waits for its connections; the pool is joined after it.
  ~ServerFixture() { server.reset(); }

  ServerFixture(const ServerFixture&) = delete;
  ServerFixture& operator=(const ServerFixture&) = delete;

  void Start() {
    server = std::make_unique<ingress::SmtpServer>(pool.get_executor(), options, intake, clock);
    const auto endpoint = server->Start();
    INFO(endpoint.status());
    REQUIRE(endpoint.ok());
    port = endpoint->port;
  }

  // A client that has read the greeting.
  RawSocket Connect() {
    if (!server) Start();
    RawSocket client = RawSocket::Connect(port);
    const char* protocol = options.connection.session.lmtp ? "LMTP" : "ESMTP";
    CHECK(client.ReadReply() == Cat("220 mx.example ", protocol, " Penstock\r\n"));
    return client;
  }

  // A client that has said EHLO or LHLO, MAIL and RCPT.
  RawSocket Begin() {
    RawSocket client = Connect();
    client.Send(options.connection.session.lmtp ? "LHLO a.example\r\n" : "EHLO a.example\r\n");
    CHECK(client.ReadReply().starts_with("250-mx.example\r\n"));
    client.Send("MAIL FROM:<s@a.example>\r\nRCPT TO:<r@own.example>\r\n");
    CHECK(client.ReadReply().starts_with("250 2.1.0 "));
    CHECK(client.ReadReply().starts_with("250 2.1.5 "));
    return client;
  }

  // A client that may send the content.
  RawSocket BeginContent() {
    RawSocket client = Begin();
    client.Send("DATA\r\n");
    CHECK(client.ReadReply().starts_with("354 "));
    return client;
  }

  // Everything of a client that is gone is gone.
  void CheckNothingLeft() const {
    for (int i = 0; i < 1000 && (server->connections() != 0 || intake.open_contents() != 0); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    CHECK(server->connections() == 0);
    CHECK(intake.open_contents() == 0);
  }

  boost::asio::thread_pool pool{2};
  FakeIntake intake;
  StoppedClock clock;
  ingress::SmtpServerOptions options;
  std::uint16_t port = 0;
  std::unique_ptr<ingress::SmtpServer> server;
};

}  // namespace penstock::tests
