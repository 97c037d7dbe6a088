// SPDX-License-Identifier: Apache-2.0
#include "engine/ingress/smtp_server.h"

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "tests/integration/ingress/server_fixture.h"
#include "tests/support/temporary_folder.h"

using namespace penstock;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using penstock::tests::RawSocket;
using penstock::tests::ServerFixture;

namespace {

constexpr char kGroup[] = "MAIL FROM:<s@a.example>\r\nRCPT TO:<r@own.example>\r\nDATA\r\n";
constexpr char kMail[] = "Subject: s\r\n\r\nbody\r\n";

}  // namespace

TEST_CASE("SmtpServer: a message reaches the intake as it was sent", "[ingress][smtp]") {
  ServerFixture f;
  RawSocket client = f.Connect();
  client.Send("EHLO mail.a.example\r\n");
  CHECK(client.ReadReply() ==
        "250-mx.example\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n"
        "250-ENHANCEDSTATUSCODES\r\n250-DSN\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n250 BINARYMIME\r\n");
  client.Send(
      "MAIL FROM:<s@a.example> BODY=8BITMIME\r\nRCPT TO:<r1@own.example>\r\n"
      "RCPT TO:<x@other.example>\r\nRCPT TO:<r2@own.example>\r\nDATA\r\n");
  CHECK(client.ReadReply() == "250 2.1.0 sender OK\r\n");
  CHECK(client.ReadReply() == "250 2.1.5 recipient OK\r\n");
  CHECK(client.ReadReply() == "550 5.7.1 relaying denied\r\n");
  CHECK(client.ReadReply() == "250 2.1.5 recipient OK\r\n");
  CHECK(client.ReadReply().starts_with("354 "));
  client.Send("Subject: s\r\n\r\n..dot\r\né\r\n...\r\nno dot\r\n.\r\n");
  CHECK(client.ReadReply() == "250 2.0.0 accepted\r\n");
  client.Send("QUIT\r\n");
  CHECK(client.ReadReply() == "221 2.0.0 mx.example closes the connection\r\n");
  CHECK(client.ReadAll().empty());
  const auto accepted = f.intake.accepted();
  REQUIRE(accepted.size() == 1);
  CHECK(accepted[0].content == "Subject: s\r\n\r\n.dot\r\né\r\n..\r\nno dot\r\n");
  CHECK(accepted[0].header_section == "Subject: s\r\n\r\n");
  CHECK(accepted[0].envelope.reverse_path == "s@a.example");
  CHECK(accepted[0].envelope.forward_paths ==
        std::vector<std::string>{"r1@own.example", "r2@own.example"});
  CHECK(accepted[0].envelope.body_8bit);
  CHECK(accepted[0].client.address == "127.0.0.1");
  CHECK(accepted[0].client.helo == "mail.a.example");
  CHECK(accepted[0].client.with == "ESMTP");
  CHECK(accepted[0].client.listener == "in");
  CHECK_FALSE(accepted[0].client.trusted);
  CHECK(accepted[0].policy.name == "in");
  f.CheckNothingLeft();
}

TEST_CASE("SmtpServer: a trusted client speaks for another", "[ingress][smtp]") {
  ServerFixture f;
  f.options.connection.trusted_networks = *ingress::NetworkSet::Parse({"127.0.0.1", "10.0.0.0/8"});
  RawSocket client = f.Connect();
  const auto begin = [&client](std::string_view xclient) {
    client.Send(Cat("EHLO a.example\r\nXCLIENT ", xclient, "\r\nEHLO b.example\r\n"));
    CHECK(client.ReadReply().starts_with("250-"));
    CHECK(client.ReadReply() == "220 mx.example ESMTP Penstock\r\n");
    CHECK(client.ReadReply().starts_with("250-"));
    client.Send("MAIL FROM:<s@a.example>\r\nRCPT TO:<x@other.example>\r\n");
    CHECK(client.ReadReply().starts_with("250 "));
    return client.ReadReply();
  };
  CHECK(begin("ADDR=198.51.100.7").starts_with("550 5.7.1 "));
  client.Send("RSET\r\n");
  CHECK(client.ReadReply().starts_with("250 "));
  CHECK(begin("ADDR=10.0.0.7").starts_with("250 "));
  client.Send("DATA\r\n.\r\nQUIT\r\n");
  client.ReadAll();
  const auto accepted = f.intake.accepted();
  REQUIRE(accepted.size() == 1);
  CHECK(accepted[0].client.address == "10.0.0.7");
  CHECK(accepted[0].client.helo == "b.example");
  CHECK(accepted[0].client.trusted);
}

TEST_CASE("SmtpServer: replies to a pipelined group come in one piece", "[ingress][smtp]") {
  ServerFixture f;
  RawSocket client = f.Connect();
  client.Send("EHLO a.example\r\n");
  client.ReadReply();
  for (int i = 0; i < 3; ++i) {
    client.Send(kGroup);
    const std::string replies = client.ReadOnce();
    CHECK(Split(replies, '\n').size() == 4);  // three lines
    CHECK(replies.find("\r\n354 ") != std::string::npos);
    client.Send(Cat(kMail, ".\r\nRSET\r\nNOOP\r\n"));
    std::string after = client.ReadOnce();
    while (Split(after, '\n').size() < 4)
      after += client.ReadOnce();
    CHECK(after == "250 2.0.0 accepted\r\n250 2.0.0 reset\r\n250 2.0.0 OK\r\n");
  }
}

TEST_CASE("SmtpServer: a session in pieces of every size", "[ingress][smtp]") {
  const std::string session =
      Cat("EHLO a.example\r\n", kGroup, "Subject: s\r\n\r\n..\r\nx\r\n.\r\n", kGroup,
          "Subject: t\r\n\r\n.\r\nQUIT\r\n");
  const std::string whole_replies = [&] {
    ServerFixture f;
    RawSocket client = f.Connect();
    client.Send(session);
    return client.ReadAll();
  }();
  CHECK(whole_replies.ends_with("221 2.0.0 mx.example closes the connection\r\n"));
  ServerFixture f;
  for (std::size_t chunk = 1; chunk < session.size(); chunk += chunk < 20 ? 1 : 17) {
    CAPTURE(chunk);
    RawSocket client = f.Connect();
    client.SendInChunks(session, chunk);
    CHECK(client.ReadAll() == whole_replies);
  }
  const auto accepted = f.intake.accepted();
  REQUIRE(accepted.size() % 2 == 0);
  for (std::size_t i = 0; i < accepted.size(); i += 2) {
    CHECK(accepted[i].content == "Subject: s\r\n\r\n.\r\nx\r\n");
    CHECK(accepted[i + 1].content == "Subject: t\r\n\r\n");
  }
}

TEST_CASE("SmtpServer: QUIT in the segment of the final dot", "[ingress][smtp]") {
  ServerFixture f;
  RawSocket client = f.BeginContent();
  client.Send(Cat(kMail, ".\r\nQUIT\r\n"));
  CHECK(client.ReadAll() == "250 2.0.0 accepted\r\n221 2.0.0 mx.example closes the connection\r\n");
  CHECK(f.intake.accepted().size() == 1);
}

TEST_CASE("SmtpServer: a client that ends its side is still answered", "[ingress][smtp]") {
  ServerFixture f;
  SECTION("behind a whole session") {
    RawSocket client = f.Connect();
    client.Send(Cat("EHLO a.example\r\n", kGroup, kMail, ".\r\n"));
    client.ShutdownSend();
    CHECK(client.ReadAll().ends_with("250 2.0.0 accepted\r\n"));
    CHECK(f.intake.accepted().size() == 1);
  }
  SECTION("in a command") {
    RawSocket client = f.Connect();
    client.Send("NOOP\r\nNOO");
    client.ShutdownSend();
    CHECK(client.ReadAll() == "250 2.0.0 OK\r\n");
  }
  SECTION("in the content: nothing is accepted") {
    RawSocket client = f.BeginContent();
    client.Send(kMail);
    client.ShutdownSend();
    CHECK(client.ReadAll().empty());
    CHECK(f.intake.accepted().empty());
  }
  SECTION("between the final dot and its line end") {
    RawSocket client = f.BeginContent();
    client.Send(Cat(kMail, ".\r"));
    client.ShutdownSend();
    CHECK(client.ReadAll().empty());
    CHECK(f.intake.accepted().empty());
  }
  f.CheckNothingLeft();
}

TEST_CASE("SmtpServer: a reset at any octet leaves nothing behind", "[ingress][smtp]") {
  ServerFixture f;
  const std::string session = Cat("EHLO a.example\r\n", kGroup, kMail, ".\r\nQUIT\r\n");
  for (std::size_t sent = 0; sent <= session.size(); sent += 3) {
    RawSocket client = f.Connect();
    client.Send(session.substr(0, sent));
    if (sent % 2 == 0) std::this_thread::sleep_for(1ms);
    client.Reset();
  }
  f.CheckNothingLeft();
  RawSocket client = f.BeginContent();
  client.Send(Cat(kMail, ".\r\n"));
  CHECK(client.ReadReply() == "250 2.0.0 accepted\r\n");
}

TEST_CASE("SmtpServer: no room is a 4xx, and the session goes on", "[ingress][smtp]") {
  ServerFixture f;
  SECTION("at DATA") {
    f.intake.new_content = Unavailable("no space left");
    RawSocket client = f.Begin();
    client.Send("DATA\r\n");
    CHECK(client.ReadReply().starts_with("452 4.3.1 "));
    client.Send("NOOP\r\n");
    CHECK(client.ReadReply() == "250 2.0.0 OK\r\n");
  }
  SECTION("in the content, which is read to its end") {
    f.intake.room = 100'000;
    RawSocket client = f.BeginContent();
    const std::string line = std::string(98, 'x') + "\r\n";
    for (int i = 0; i < 10'000; ++i)
      REQUIRE(client.Send(line));
    client.Send(".\r\nNOOP\r\n");
    CHECK(client.ReadReply().starts_with("452 4.3.1 "));
    CHECK(client.ReadReply() == "250 2.0.0 OK\r\n");
    CHECK(f.intake.accepted().empty());
    client.Send("QUIT\r\n");
    client.ReadAll();
  }
  SECTION("at the commit") {
    f.intake.reply = {452, {4, 3, 1}, "later"};
    RawSocket client = f.BeginContent();
    client.Send(Cat(kMail, ".\r\n"));
    CHECK(client.ReadReply() == "452 4.3.1 later\r\n");
    client.Send(Cat(kGroup));
    CHECK(client.ReadReply().starts_with("250 "));
  }
}

TEST_CASE("SmtpServer: what is too large is read to its end and refused", "[ingress][smtp]") {
  ServerFixture f;
  SECTION("the message") {
    f.options.connection.session.message_octets_max = 1000;
    RawSocket client = f.BeginContent();
    client.Send(std::string(500, 'x') + "\r\n" + std::string(500, 'x') + "\r\n.\r\nNOOP\r\n");
    CHECK(client.ReadReply().starts_with("552 5.3.4 "));
    CHECK(client.ReadReply() == "250 2.0.0 OK\r\n");
  }
  SECTION("the header section") {
    RawSocket client = f.BeginContent();
    const std::string field = "X-Field: " + std::string(9'000, 'x') + "\r\n";
    for (std::size_t sent = 0; sent <= limits::kHeaderSectionOctetsMax; sent += field.size())
      client.Send(field);
    client.Send("\r\nbody\r\n.\r\nNOOP\r\n");
    CHECK(client.ReadReply().starts_with("552 5.3.4 header section larger than "));
    CHECK(client.ReadReply() == "250 2.0.0 OK\r\n");
  }
  SECTION("a line") {
    RawSocket client = f.BeginContent();
    client.Send("Subject: s\r\n\r\n" + std::string(limits::kTextLineOctetsMax, 'x') +
                "\r\n.\r\nNOOP\r\n");
    CHECK(client.ReadReply().starts_with("500 5.5.6 "));
    CHECK(client.ReadReply() == "250 2.0.0 OK\r\n");
  }
  CHECK(f.intake.accepted().empty());
}

TEST_CASE("SmtpServer: a message of many megabytes and a line of 1 MiB pass, piece by piece",
          "[ingress][smtp]") {
  ServerFixture f;
  RawSocket client = f.BeginContent();
  std::string content = "Subject: s\r\n\r\n";
  content += std::string(limits::kTextLineOctetsMax - 2, 'y') + "\r\n";
  while (content.size() < 20U << 20U)
    content += std::string(70, 'x') + "\r\n";
  client.Send(content);
  client.Send(".\r\n");
  CHECK(client.ReadReply() == "250 2.0.0 accepted\r\n");
  REQUIRE(f.intake.accepted().size() == 1);
  CHECK((f.intake.accepted()[0].content == content));
  CHECK(f.intake.largest_write() <= 2 * limits::kContentChunkOctets);  // flat memory (M6)
}

TEST_CASE("SmtpServer: lines that are no commands", "[ingress][smtp]") {
  ServerFixture f;
  SECTION("LF alone") {
    RawSocket client = f.Connect();
    client.Send("EHLO a.example\n");
    CHECK(client.ReadReply() == "500 5.5.2 line ends in LF alone; lines end in CRLF\r\n");
    client.Send("EHLO a.example\r\n");
    CHECK(client.ReadReply().starts_with("250-"));
    client.Send("NOOP\nNOOP\r\n");  // what follows may be content
    CHECK(client.ReadAll() ==
          "500 5.5.2 line ends in LF alone; lines end in CRLF\r\n"
          "421 4.7.0 mx.example reads nothing behind what it refused\r\n");
  }
  SECTION("as long as may be, and one octet longer") {
    RawSocket client = f.Connect();
    const std::string most = "NOOP " + std::string(limits::kCommandLineOctetsMax - 7, 'x');
    client.Send(most + "\r\n");
    CHECK(client.ReadReply() == "250 2.0.0 OK\r\n");
    client.Send(most + "x\r\n");
    CHECK(client.ReadReply().starts_with("500 5.5.6 "));
    client.SendInChunks(std::string(10'000, 'x') + "\r\n", 1000);
    CHECK(client.ReadReply().starts_with("500 5.5.6 "));
    client.Send("NOOP\r\n");
    CHECK(client.ReadReply() == "250 2.0.0 OK\r\n");
  }
  SECTION("100 KB") {
    RawSocket client = f.Connect();
    client.Send(std::string(100'000, 'x') + "\r\n");
    CHECK(client.ReadReply().starts_with("500 5.5.6 "));
  }
  SECTION("without end") {
    RawSocket client = f.Connect();
    const std::string piece(100'000, 'x');
    for (int i = 0; i < 100 && client.Send(piece); ++i) {
    }
    CHECK(client.ReadAll().starts_with("421 4.7.0 mx.example gives up on a line without end\r\n"));
  }
  f.CheckNothingLeft();
}

TEST_CASE("SmtpServer: content behind a refused DATA is not read as commands", "[ingress][smtp]") {
  ServerFixture f;
  RawSocket client = f.Connect();
  client.Send("EHLO a.example\r\n");
  client.ReadReply();
  client.Send(
      "MAIL FROM:<s@a.example>\r\nRCPT TO:<x@other.example>\r\nDATA\r\n"
      "RSET\r\nMAIL FROM:<evil@a.example>\r\nRCPT TO:<r@own.example>\r\nDATA\r\nSubject: "
      "x\r\n\r\n.\r\n");
  const std::string replies = client.ReadAll();
  CHECK(replies ==
        "250 2.1.0 sender OK\r\n550 5.7.1 relaying denied\r\n554 5.5.1 no valid recipients\r\n"
        "421 4.7.0 mx.example reads nothing behind what it refused\r\n");
  CHECK(f.intake.accepted().empty());
}

TEST_CASE("SmtpServer: content that does not wait for the 354 is taken", "[ingress][smtp]") {
  ServerFixture f;
  RawSocket client = f.Connect();
  client.Send(Cat("EHLO a.example\r\n", kGroup, kMail, ".\r\n", kGroup, kMail, ".\r\nQUIT\r\n"));
  CHECK(client.ReadAll().ends_with("221 2.0.0 mx.example closes the connection\r\n"));
  CHECK(f.intake.accepted().size() == 2);
}

TEST_CASE("SmtpServer: a client that waits too long is told and closed", "[ingress][smtp]") {
  ServerFixture f;
  f.options.connection.command_timeout = 100ms;
  f.options.connection.data_block_timeout = 100ms;
  const auto start = std::chrono::steady_clock::now();
  SECTION("silent from the beginning") {
    CHECK(f.Connect().ReadAll() == "421 4.4.2 mx.example got no command in time\r\n");
  }
  SECTION("in a transaction") {
    CHECK(f.Begin().ReadAll() == "421 4.4.2 mx.example got no command in time\r\n");
  }
  SECTION("a command that drips, octet by octet") {
    RawSocket client = f.Connect();
    std::string reply;
    for (int i = 0; i < 100 && reply.empty(); ++i) {
      client.Send("x");
      reply = client.ReadFor(10);
    }
    CHECK(reply == "421 4.4.2 mx.example got no command in time\r\n");
  }
  SECTION("in the content") {
    RawSocket client = f.BeginContent();
    client.Send(kMail);
    CHECK(client.ReadAll() == "421 4.4.2 mx.example got no content in time\r\n");
  }
  SECTION("content that drips steadily") {
    f.options.connection.data_timeout = 200ms;
    RawSocket client = f.BeginContent();
    std::string reply;
    for (int i = 0; i < 100 && reply.empty(); ++i) {
      client.Send("x");
      reply = client.ReadFor(10);
    }
    CHECK(reply == "421 4.4.2 mx.example got no content in time\r\n");
  }
  CHECK(std::chrono::steady_clock::now() - start < 3s);
  f.CheckNothingLeft();
  CHECK(f.intake.accepted().empty());
}

TEST_CASE("SmtpServer: a client that reads no replies is closed", "[ingress][smtp]") {
  ServerFixture f;
  f.options.connection.command_timeout = 200ms;
  f.options.connection.linger_timeout = 100ms;
  RawSocket client = f.Connect();
  std::string helps;
  for (int i = 0; i < 10'000; ++i)
    helps += "HELP\r\n";
  bool closed = false;
  for (int i = 0; i < 1000 && !closed; ++i)
    closed = !client.SendForAWhile(helps);
  CHECK(closed);
  client.Close();
  f.CheckNothingLeft();
}

TEST_CASE("SmtpServer: one connection too many is turned away, the others are served",
          "[ingress][smtp]") {
  ServerFixture f;
  f.options.connections_max = 3;
  {
    RawSocket one = f.Connect();
    RawSocket two = f.Connect();
    RawSocket three = f.Connect();
    RawSocket four = RawSocket::Connect(f.port);
    CHECK(four.ReadAll() == "421 4.3.2 mx.example has too many connections\r\n");
    CHECK(f.server->connections() == 3);
    for (RawSocket* client : {&one, &two, &three}) {
      client->Send("NOOP\r\n");
      CHECK(client->ReadReply() == "250 2.0.0 OK\r\n");
    }
  }
  f.CheckNothingLeft();
  f.Connect().Send("QUIT\r\n");
}

TEST_CASE("SmtpServer: a hundred clients at a time", "[ingress][smtp]") {
  ServerFixture f;
  std::vector<RawSocket> clients;
  for (int i = 0; i < 100; ++i)
    clients.push_back(f.BeginContent());
  for (RawSocket& client : clients)
    client.Send(Cat(kMail, ".\r\nQUIT\r\n"));
  for (RawSocket& client : clients)
    CHECK(client.ReadAll().starts_with("250 2.0.0 accepted\r\n221 "));
  CHECK(f.intake.accepted().size() == 100);
  f.CheckNothingLeft();
}

TEST_CASE("SmtpServer: a stop tells idle clients and lets transactions end", "[ingress][smtp]") {
  ServerFixture f;
  f.intake.accept_takes = 50ms;
  RawSocket idle = f.Connect();
  RawSocket in_transaction = f.Begin();
  RawSocket in_content = f.BeginContent();
  RawSocket decided = f.BeginContent();
  decided.Send(Cat(kMail, ".\r\n"));
  std::this_thread::sleep_for(10ms);
  f.server->Stop();
  const std::string going = "421 4.3.2 mx.example is shutting down\r\n";
  CHECK(idle.ReadAll() == going);
  CHECK(decided.ReadAll() == "250 2.0.0 accepted\r\n" + going);
  CHECK_THROWS(RawSocket::Connect(f.port));
  CHECK_FALSE(f.server->WaitIdle(20ms));
  in_content.Send(Cat(kMail, ".\r\n"));
  CHECK(in_content.ReadAll() == "250 2.0.0 accepted\r\n" + going);
  in_transaction.Send("RSET\r\n");
  CHECK(in_transaction.ReadAll() == "250 2.0.0 reset\r\n" + going);
  CHECK(f.server->WaitIdle(5s));
  CHECK(f.intake.accepted().size() == 2);
}

TEST_CASE("SmtpServer: after a stop another may take the address at once", "[ingress][smtp]") {
  const tests::TemporaryFolder folder;
  for (const bool unix_socket : {false, true}) {
    CAPTURE(unix_socket);
    ServerFixture f;
    if (unix_socket) {
      f.options.listen = {};
      f.options.listen.unix_path = folder.path() + "/smtp";
    }
    f.Start();
    f.options.listen.port = f.port;
    for (int i = 0; i < 20; ++i) {
      f.server->Stop();
      ingress::SmtpServer next(f.pool.get_executor(), f.options, f.intake, f.clock);
      const auto endpoint = next.Start();
      INFO(endpoint.status());
      REQUIRE(endpoint.ok());
      RawSocket client = unix_socket ? RawSocket::ConnectUnix(f.options.listen.unix_path)
                                     : RawSocket::Connect(f.port);
      CHECK(client.ReadReply().starts_with("220 "));
    }
  }
}

TEST_CASE("SmtpServer: Abort closes what a stop left", "[ingress][smtp]") {
  ServerFixture f;
  RawSocket in_transaction = f.Begin();
  RawSocket in_content = f.BeginContent();
  in_content.Send(kMail);
  f.server->Stop();
  CHECK_FALSE(f.server->WaitIdle(20ms));
  f.server->Abort();
  CHECK(f.server->WaitIdle(5s));
  CHECK(in_content.ReadAll().find("250") == std::string::npos);
  CHECK(in_transaction.ReadAll().find("250") == std::string::npos);
  f.CheckNothingLeft();
}

TEST_CASE("SmtpServer: trusted networks", "[ingress][smtp][O3]") {
  for (const bool trusted : {true, false}) {
    ServerFixture f;
    auto networks = ingress::NetworkSet::Parse({trusted ? "127.0.0.0/8" : "10.0.0.0/8"});
    REQUIRE(networks.ok());
    f.options.connection.trusted_networks = *networks;
    RawSocket client = f.Begin();
    client.Send("RCPT TO:<x@other.example>\r\n");
    CHECK(client.ReadReply().starts_with(trusted ? "250 2.1.5 " : "550 5.7.1 "));
  }
}

TEST_CASE("SmtpServer: over a unix socket everyone is trusted", "[ingress][smtp][O3]") {
  const tests::TemporaryFolder folder;
  ServerFixture f;
  f.options.listen = {};
  f.options.listen.unix_path = folder.path() + "/smtp";
  f.Start();
  RawSocket client = RawSocket::ConnectUnix(f.options.listen.unix_path);
  client.ReadReply();
  client.Send(Cat("EHLO a.example\r\n"));
  client.ReadReply();
  client.Send("MAIL FROM:<s@a.example>\r\nRCPT TO:<x@other.example>\r\nDATA\r\n");
  CHECK(client.ReadReply().starts_with("250 "));
  CHECK(client.ReadReply().starts_with("250 2.1.5 "));
  client.ReadReply();
  client.Send(Cat(kMail, ".\r\nQUIT\r\n"));
  CHECK(client.ReadAll().starts_with("250 2.0.0 accepted\r\n"));
  CHECK(f.intake.accepted().at(0).client.address.empty());
  CHECK(f.intake.accepted().at(0).client.trusted);
}

TEST_CASE("SmtpServer: an address in use is told", "[ingress][smtp]") {
  ServerFixture f;
  f.Start();
  ServerFixture second;
  second.options.listen.port = f.port;
  ingress::SmtpServer server(second.pool.get_executor(), second.options, second.intake,
                             second.clock);
  const auto endpoint = server.Start();
  CHECK(endpoint.status().code() == StatusCode::kUnavailable);
  CHECK(Message(endpoint.status()).starts_with(Cat("listen on 127.0.0.1:", f.port, ": ")));
}
