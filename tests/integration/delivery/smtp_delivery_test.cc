// SPDX-License-Identifier: Apache-2.0
#include "engine/delivery/smtp_delivery.h"

#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_future.hpp>
#include <catch2/catch.hpp>

#include "engine/async/deadline.h"
#include "engine/base/strings.h"
#include "tests/integration/delivery/smtp_fixture.h"
#include "tests/support/await.h"
#include "tests/support/memory_content.h"
#include "tests/support/smtp_peer.h"

using namespace penstock;            // NOLINT(google-build-using-namespace)
using namespace penstock::delivery;  // NOLINT(google-build-using-namespace)
using namespace penstock::tests;     // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;

namespace asio = boost::asio;

TEST_CASE("SmtpDelivery: a message leaves as it came but for trace field and marking",
          "[delivery][smtp]") {
  SmtpFixture f;
  auto request = Request({"r1@own.example", "r2@own.example"},
                         "X-Spam-Flag: NO\r\nSubject: s\r\n\r\n.dot\r\n..\r\n.\r\nend\r\n");
  request.marking = flow::Marking::kJunk;
  request.body_8bit = true;
  CHECK(f.Deliver(std::move(request)) == Lines{"250 2.0.0 queued", "250 2.0.0 queued"});
  const auto sessions = f.Sessions();
  REQUIRE(sessions.size() == 1);
  CHECK(sessions[0].commands ==
        Lines{"EHLO penstock.example", "MAIL FROM:<s@a.example> SIZE=73 BODY=8BITMIME",
              "RCPT TO:<r1@own.example>", "RCPT TO:<r2@own.example>", "DATA", "QUIT"});
  CHECK(f.peer.Contents() ==
        Lines{Cat(kTrace, "X-Spam-Flag: YES\r\n", "Subject: s\r\n\r\n.dot\r\n..\r\n.\r\nend\r\n")});
}

TEST_CASE("SmtpDelivery: what DATA cannot carry goes by BDAT, as it is", "[delivery][smtp]") {
  constexpr char kEhlo[] = "250-peer\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 BINARYMIME";
  const std::string content = Cat("Subject: s\r\n\r\n.\r\na\n.\n\rb", std::string(200'000, '\n'));
  SmtpFixture f(
      {Script({{"EHLO", {kEhlo}}, {"RCPT", {"550 5.1.1 who", "250 yes", "550 5.1.1 who"}}})});
  auto request = Request({"r1@own.example", "r2@own.example"}, content);
  request.body_8bit = true;
  CHECK(f.Deliver(std::move(request)) == Lines{"550 5.1.1 who", "250 2.0.0 queued"});
  // Nobody is taken, and nothing sent; the connection is in step.
  auto refused = Request({"r3@own.example"}, content);
  refused.body_8bit = true;
  CHECK(f.Deliver(std::move(refused)) == Lines{"550 5.1.1 who"});
  // Text goes by DATA.
  auto text = Request({"r4@own.example"}, "Subject: s\r\n\r\n.\r\n");
  text.body_8bit = true;
  CHECK(f.Deliver(std::move(text)) == Lines{"250 2.0.0 queued"});
  const auto sessions = f.Sessions();
  REQUIRE(sessions.size() == 1);
  const std::string sent = Cat(kTrace, content);
  CHECK(sessions[0].commands ==
        Lines{"EHLO penstock.example", "MAIL FROM:<s@a.example> BODY=BINARYMIME",
              "RCPT TO:<r1@own.example>", "RCPT TO:<r2@own.example>",
              Cat("BDAT ", sent.size(), " LAST"), "MAIL FROM:<s@a.example> BODY=BINARYMIME",
              "RCPT TO:<r3@own.example>", "RSET", "MAIL FROM:<s@a.example>",
              "RCPT TO:<r4@own.example>", "DATA", "QUIT"});
  REQUIRE(sessions[0].contents.size() == 2);
  CHECK(sessions[0].contents[0] == sent);
}

TEST_CASE("SmtpDelivery: what DATA cannot carry is refused where there is no other way",
          "[delivery][smtp]") {
  for (const std::string ehlo :
       {"250-peer\r\n250 CHUNKING", "250-peer\r\n250 BINARYMIME", "250 peer"}) {
    for (const std::string body : {"a\nb\r\n", "a\rb\r\n", "a\r", "a\n.\r\n"}) {
      CAPTURE(ehlo, body);
      SmtpFixture f({Script({{"EHLO", {ehlo}}})});
      auto request = Request({"r@own.example"}, Cat("Subject: s\r\n\r\n", body));
      request.body_8bit = true;
      const auto replies = f.Deliver(std::move(request));
      REQUIRE(replies.size() == 1);
      CHECK(replies[0].starts_with("554 5.6.3 "));
      CHECK(f.Sessions().at(0).commands == Lines{"EHLO penstock.example", "QUIT"});
    }
  }
}

TEST_CASE("SmtpDelivery: PIPELINING sends the whole envelope before it reads a reply",
          "[delivery][smtp]") {
  SmtpPeerScript script;
  script.reply_to_group = true;  // a client that waits for the reply to MAIL would wait for ever
  SmtpFixture f({script});
  CHECK(f.Deliver(Request({"r1@own.example", "r2@own.example"})) ==
        Lines{"250 2.0.0 queued", "250 2.0.0 queued"});
}

TEST_CASE("SmtpDelivery: thousands of recipients go in groups, so that neither side blocks",
          "[delivery][smtp]") {
  SmtpFixture f;
  Lines recipients;
  for (int i = 0; i < 3000; ++i)
    recipients.push_back(Cat("recipient-with-a-name-of-some-length-", i, "@own.example"));
  const auto replies = f.Deliver(Request(recipients));
  CHECK(replies == Lines(3000, "250 2.0.0 queued"));
  const auto sessions = f.Sessions();
  REQUIRE(sessions.size() == 1);
  CHECK(sessions[0].commands.size() == 3000 + 4);
}

TEST_CASE("SmtpDelivery: a server without extensions gets none", "[delivery][smtp]") {
  for (const bool knows_ehlo : {true, false}) {
    CAPTURE(knows_ehlo);
    SmtpFixture f({Script({{"EHLO", {knows_ehlo ? kPlainEhlo : "502 5.5.1 what"}}})});
    auto request = Request();
    request.body_8bit = true;
    CHECK(f.Deliver(std::move(request)) == Lines{"250 2.0.0 queued"});
    Lines commands = f.Sessions().at(0).commands;
    if (!knows_ehlo) {
      CHECK(commands.at(1) == "HELO penstock.example");
      commands.erase(commands.begin() + 1);
    }
    CHECK(commands == Lines{"EHLO penstock.example", "MAIL FROM:<s@a.example>",
                            "RCPT TO:<r@own.example>", "DATA", "QUIT"});
  }
}

TEST_CASE("SmtpDelivery: each recipient gets the reply that was meant for it", "[delivery][smtp]") {
  for (const std::string ehlo : {"250-peer\r\n250 PIPELINING", kPlainEhlo}) {
    for (const std::size_t chunk : {0U, 1U, 3U}) {
      CAPTURE(ehlo, chunk);
      SmtpPeerScript script = Script({{"EHLO", {ehlo}},
                                      {"RCPT",
                                       {"550 5.1.1 no such user", "251 2.1.5 forwarded",
                                        "450-4.2.1 busy\r\n450 4.2.1 come again", "250 yes"}}});
      script.chunk = chunk;
      SmtpFixture f({script});
      CHECK(f.Deliver(
                Request({"a@own.example", "b@own.example", "c@own.example", "d@own.example"})) ==
            Lines{"550 5.1.1 no such user", "250 2.0.0 queued", "450 4.2.1 busy / come again",
                  "250 2.0.0 queued"});
    }
  }
}

TEST_CASE("SmtpDelivery: a connection is used again", "[delivery][smtp]") {
  SmtpFixture f;
  for (int i = 0; i < 5; ++i)
    CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
  const auto sessions = f.Sessions();
  REQUIRE(sessions.size() == 1);
  CHECK(sessions[0].contents.size() == 5);
  CHECK(sessions[0].commands.back() == "QUIT");
}

TEST_CASE("SmtpDelivery: an idle connection is closed with QUIT after its time",
          "[delivery][smtp]") {
  SmtpFixture f({{}}, [](SmtpDeliveryOptions& options) { options.connection_idle = 50ms; });
  CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
  for (int i = 0; i < 400 && !f.peer.Sessions().at(0).ended; ++i)
    std::this_thread::sleep_for(5ms);
  CHECK(f.peer.Sessions().at(0).ended);
  CHECK(f.peer.Sessions().at(0).commands.back() == "QUIT");
  CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
  CHECK(f.Sessions().size() == 2);
}

TEST_CASE("SmtpDelivery: an old connection is not used again", "[delivery][smtp]") {
  SmtpFixture f({{}}, [](SmtpDeliveryOptions& options) { options.connection_age_max = 0ms; });
  CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
  CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
  CHECK(f.Sessions().size() == 2);
}

TEST_CASE("SmtpDelivery: at most so many connections are open, the others wait",
          "[delivery][smtp]") {
  SmtpPeerScript slow;
  slow.delay_milliseconds = 20;
  SmtpFixture f({slow}, [](SmtpDeliveryOptions& options) { options.deliveries_at_once = 3; });
  std::vector<std::future<std::vector<mail::SmtpReply>>> running;
  for (int i = 0; i < 12; ++i) {
    const async::Executor strand = asio::make_strand(f.pool.get_executor());
    running.push_back(asio::co_spawn(strand, f.delivery->Deliver(Request()), asio::use_future));
  }
  for (auto& one : running)
    CHECK(one.get().at(0).ToString() == "250 2.0.0 queued");
  CHECK(f.peer.most_at_once() == 3);
  CHECK(f.Sessions().size() == 3);
  CHECK(f.peer.Contents().size() == 12);
}

TEST_CASE("SmtpDelivery: a server that takes fewer recipients at once gets the rest next",
          "[delivery][smtp]") {
  // Two a transaction: 452 by the new rule and 552 by the old (RFC 5321 §4.5.3.1.10).
  SmtpFixture f({Script({{"RCPT",
                          {"250 ok", "250 ok", "452 4.5.3 too many", "552 too many", "550 5.1.1 no",
                           "250 ok", "250 ok"}}})});
  CHECK(f.Deliver(Request({"a@own.example", "b@own.example", "c@own.example", "d@own.example",
                           "e@own.example"})) == Lines{"250 2.0.0 queued", "250 2.0.0 queued",
                                                       "250 2.0.0 queued", "250 2.0.0 queued",
                                                       "550 5.1.1 no"});
  const auto sessions = f.Sessions();
  CHECK(sessions.at(0).contents.size() == 2);
}

TEST_CASE("SmtpDelivery: SMTPUTF8 is asked for where it is needed or came", "[delivery][smtp]") {
  struct Case {
    std::string reverse_path;
    std::string forward_path;
    std::string header;
    bool smtputf8;
    bool says;
  };

  const Case cases[] = {
      {"s@a.example", "r@own.example", "Subject: a", false, false},
      {"s@a.example", "r@own.example", "Subject: é", false, false},
      {"s@a.example", "r@own.example", "Subject: a", true, true},
      {"s@a.example", "r@own.example", "Subject: é", true, true},
      {"é@a.example", "r@own.example", "Subject: a", true, true},
      {"s@a.example", "é@own.example", "Subject: a", false, true},
  };
  for (const Case& c : cases) {
    CAPTURE(c.reverse_path, c.forward_path, c.header, c.smtputf8);
    SmtpFixture f;
    auto request = Request({c.forward_path}, c.header + "\r\n\r\nbody\r\n");
    request.reverse_path = c.reverse_path;
    request.smtputf8 = c.smtputf8;
    CHECK(f.Deliver(std::move(request)) == Lines{"250 2.0.0 queued"});
    CHECK(f.Sessions().at(0).commands.at(1).ends_with(" SMTPUTF8") == c.says);
  }
}

TEST_CASE("SmtpDelivery: without SMTPUTF8 at the next hop, only whom it concerns is refused",
          "[delivery][smtp]") {
  const std::string ehlo = "250-peer\r\n250 PIPELINING";
  {
    SmtpFixture f({Script({{"EHLO", {ehlo}}})});
    auto request = Request({"a@own.example", "é@own.example"});
    request.smtputf8 = true;
    const Lines replies = f.Deliver(std::move(request));
    REQUIRE(replies.size() == 2);
    CHECK(replies[0] == "250 2.0.0 queued");
    CHECK(replies[1] ==
          "553 5.6.7 the next mail server does not offer SMTPUTF8, which the recipient's address "
          "needs");
    CHECK(f.Sessions().at(0).commands.at(1) == "MAIL FROM:<s@a.example>");
  }
  for (const bool header : {false, true}) {
    SmtpFixture f({Script({{"EHLO", {ehlo}}})});
    auto request = Request({"a@own.example"}, header ? "Subject: é\r\n\r\n" : kMail);
    request.smtputf8 = true;
    if (!header) request.reverse_path = "é@a.example";
    const Lines replies = f.Deliver(std::move(request));
    CHECK(replies.at(0).starts_with("553 5.6.7 "));
    CHECK(f.Sessions().at(0).contents.empty());
  }
}

TEST_CASE("SmtpDelivery: dots are stuffed wherever pieces of content begin and end",
          "[delivery][smtp]") {
  std::string octets = "Subject: s\r\n\r\n";
  for (int i = 0; i < 40; ++i)
    octets += i % 3 == 0 ? ".\r\n" : i % 3 == 1 ? "..x\r\n" : "x.\r\n";
  SmtpFixture f;
  Lines want;
  for (std::size_t at_once = 1; at_once < 60; ++at_once) {
    const auto content = Content(octets);
    content->at_once = at_once;
    auto request = Request();
    request.content = content;
    REQUIRE(f.Deliver(std::move(request)) == Lines{"250 2.0.0 queued"});
    want.push_back(kTrace + octets);
  }
  // At the border of the pieces that the client sends.
  for (std::size_t before = limits::kContentChunkOctets - 8;
       before < limits::kContentChunkOctets + 8; ++before) {
    const std::string head = "Subject: s\r\n\r\n";
    const std::string large = head +
                              std::string(before - head.size() - std::string(kTrace).size(), 'x') +
                              "\r\n.\r\n..\r\nend\r\n";
    REQUIRE(f.Deliver(Request({"r@own.example"}, large)) == Lines{"250 2.0.0 queued"});
    want.push_back(kTrace + large);
  }
  f.Sessions();
  CHECK(f.peer.Contents() == want);
}

TEST_CASE("SmtpDelivery: content without a last line end, without anything, with a line of 1 MiB",
          "[delivery][smtp]") {
  SmtpFixture f;
  const std::string line(1U << 20U, 'x');
  CHECK(f.Deliver(Request({"r@own.example"}, "a")) == Lines{"250 2.0.0 queued"});
  CHECK(f.Deliver(Request({"r@own.example"}, "")) == Lines{"250 2.0.0 queued"});
  CHECK(f.Deliver(Request({"r@own.example"}, "A: b\r\n\r\n" + line + "\r\n")) ==
        Lines{"250 2.0.0 queued"});
  f.Sessions();
  CHECK(f.peer.Contents() ==
        Lines{Cat(kTrace, "a\r\n"), kTrace, Cat(kTrace, "A: b\r\n\r\n", line, "\r\n")});
}
