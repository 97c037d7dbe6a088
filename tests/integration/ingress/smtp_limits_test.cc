// SPDX-License-Identifier: Apache-2.0
// What is in flight has bounds, and beyond each the client is told to come again: never a 5xx.
#include <string>

#include <catch2/catch.hpp>

#include "tests/integration/ingress/server_fixture.h"

namespace penstock::tests {
namespace {

using ingress::NetworkSet;

TEST_CASE("SmtpServer: one connection too many of a client is turned away, until one is over",
          "[ingress][smtp]") {
  ServerFixture f;
  f.options.connections_per_client_max = 2;
  {
    RawSocket one = f.Connect();
    RawSocket two = f.Connect();
    RawSocket three = RawSocket::Connect(f.port);
    CHECK(three.ReadAll() == "421 4.7.0 mx.example has too many connections of yours\r\n");
    CHECK(f.server->connections() == 2);
    one.Send("NOOP\r\n");
    CHECK(one.ReadReply() == "250 2.0.0 OK\r\n");
  }
  f.CheckNothingLeft();
  f.Connect().Send("QUIT\r\n");
}

TEST_CASE("SmtpServer: connections of a trusted client are not counted", "[ingress][smtp]") {
  ServerFixture f;
  f.options.connections_per_client_max = 1;
  f.options.connection.trusted_networks = *NetworkSet::Parse({"127.0.0.0/8"});
  RawSocket one = f.Connect();
  RawSocket two = f.Connect();
  two.Send("NOOP\r\n");
  CHECK(two.ReadReply() == "250 2.0.0 OK\r\n");
}

TEST_CASE("SmtpServer: a SIZE that has no room now is refused at MAIL", "[ingress][smtp]") {
  ServerFixture f;
  f.options.connection.incoming->SetMax(10'000);
  RawSocket client = f.Connect();
  client.Send("EHLO a.example\r\n");
  client.ReadReply();
  client.Send("MAIL FROM:<s@a.example> SIZE=10001\r\n");
  CHECK(client.ReadReply().starts_with("452 4.3.1 "));
  client.Send("MAIL FROM:<s@a.example> SIZE=10000\r\n");
  CHECK(client.ReadReply().starts_with("250 2.1.0 "));
}

TEST_CASE("SmtpServer: content that has no room now is refused at its end, and the room comes back",
          "[ingress][smtp]") {
  ServerFixture f;
  f.options.connection.incoming->SetMax(1000);
  RawSocket first = f.BeginContent();
  first.Send("From: a@a.example\r\n\r\n" + std::string(700, 'x') + "\r\n");
  // Read, as the dot of the second one is read behind it.
  RawSocket second = f.BeginContent();
  for (int i = 0; i < 1000 && f.options.connection.incoming->HasRoom(700); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  second.Send("From: b@a.example\r\n\r\n" + std::string(700, 'y') + "\r\n.\r\n");
  CHECK(second.ReadReply().starts_with("452 4.3.1 "));
  first.Send(".\r\n");
  CHECK(first.ReadReply().starts_with("250 2.0.0 "));
  second.Send("MAIL FROM:<s@a.example>\r\nRCPT TO:<r@own.example>\r\nDATA\r\n");
  for (int i = 0; i < 3; ++i)
    second.ReadReply();
  second.Send("From: b@a.example\r\n\r\n" + std::string(700, 'y') + "\r\n.\r\n");
  CHECK(second.ReadReply().starts_with("250 2.0.0 "));
  CHECK(f.intake.accepted().size() == 2);
}

TEST_CASE("SmtpServer: what the intake says to MAIL is said, and counts as no fault of the client",
          "[ingress][smtp]") {
  ServerFixture f;
  f.intake.mail_refusal = mail::SmtpReply{451, {4, 3, 2}, "too many messages"};
  RawSocket client = f.Connect();
  client.Send("EHLO a.example\r\n");
  client.ReadReply();
  for (int i = 0; i < 2 * limits::kBadCommandsMax; ++i) {
    client.Send("MAIL FROM:<s@a.example>\r\nRCPT TO:<r@own.example>\r\n");
    CHECK(client.ReadReply() == "451 4.3.2 too many messages\r\n");
    CHECK(client.ReadReply().starts_with("503 5.5.1 "));
  }
  client.Send("NOOP\r\n");
  CHECK(client.ReadReply() == "250 2.0.0 OK\r\n");
}

}  // namespace
}  // namespace penstock::tests
