// SPDX-License-Identifier: Apache-2.0
// What goes wrong at a next hop, and what its recipients are told.
#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/thread_pool.hpp>
#include <catch2/catch.hpp>

#include "engine/async/deadline.h"
#include "engine/base/strings.h"
#include "engine/delivery/smtp_delivery.h"
#include "tests/integration/delivery/smtp_fixture.h"
#include "tests/support/await.h"
#include "tests/support/memory_content.h"
#include "tests/support/smtp_peer.h"

using namespace penstock;            // NOLINT(google-build-using-namespace)
using namespace penstock::delivery;  // NOLINT(google-build-using-namespace)
using namespace penstock::tests;     // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;

namespace asio = boost::asio;

TEST_CASE("SmtpDelivery: a refusal at any stage reaches whom it concerns", "[delivery][smtp]") {
  struct Case {
    std::string stage;
    std::string reply;
    std::string want;
    int sessions;  // 2: the delivery after it needs a connection of its own
  };

  const Case cases[] = {
      {"MAIL", "451 4.3.0 not now", "451 4.3.0 not now", 1},
      {"MAIL", "552 5.3.4 too big", "552 5.3.4 too big", 1},
      {"RCPT", "450 4.2.0 later", "450 4.2.0 later", 1},
      {"RCPT", "550 never", "550 never", 1},
      {"DATA", "451 4.3.0 not now", "451 4.3.0 not now", 1},
      {"DATA", "554 5.5.1 no", "554 5.5.1 no", 1},
      {".", "451 4.3.0 not now", "451 4.3.0 not now", 1},
      {".", "554 5.7.1 spam", "554 5.7.1 spam", 1},
      {".", "421 4.3.2 going down!close", "421 4.3.2 going down", 2},
      {"MAIL", "421 4.3.2 going down!close", "421 4.3.2 going down", 2},
      {"RCPT", "421 4.3.2 going down!close", "421 4.3.2 going down", 2},
      {"DATA", "421 4.3.2 going down!close", "421 4.3.2 going down", 2},
  };
  for (const std::string ehlo : {"250-peer\r\n250 PIPELINING", kPlainEhlo}) {
    for (const Case& c : cases) {
      CAPTURE(ehlo, c.stage, c.reply);
      SmtpFixture f({Script({{"EHLO", {ehlo}}, {c.stage, {c.reply}}}), {}});
      CHECK(f.Deliver(Request()) == Lines{c.want});
      CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
      CHECK(f.Sessions().size() == static_cast<std::size_t>(c.sessions));
    }
  }
}

TEST_CASE("SmtpDelivery: a server that refuses the session bounces no mail", "[delivery][smtp]") {
  struct Case {
    std::map<std::string, std::vector<std::string>> replies;
    std::string want;
  };

  const Case cases[] = {
      {{{"banner", {"554 5.7.1 you are blocked"}}}, "greeted us with: 554 5.7.1 you are blocked"},
      {{{"banner", {"421 4.3.2 too many!close"}}}, "greeted us with: 421 4.3.2 too many"},
      {{{"banner", {"hello"}}}, "awaiting the greeting: "},
      {{{"banner", {"!close"}}}, "awaiting the greeting: the server closed the connection"},
      {{{"EHLO", {"451 4.3.0 not now"}}}, "EHLO: 451 4.3.0 not now"},
      {{{"EHLO", {"502 what"}}, {"HELO", {"550 5.7.1 no"}}}, "EHLO: 502 what; HELO: 550 5.7.1 no"},
      {{{"EHLO", {"!close"}}}, "EHLO: the server closed the connection"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.want);
    SmtpFixture f({Script(c.replies)});
    const Lines replies = f.Deliver(Request({"a@own.example", "b@own.example"}));
    REQUIRE(replies.size() == 2);
    CHECK(replies[0] == replies[1]);
    CAPTURE(replies[0]);
    CHECK(replies[0].starts_with(Cat("451 4.4.1 127.0.0.1:", f.peer.port(), ": ", c.want)));
  }
}

TEST_CASE("SmtpDelivery: a server that resets the connection at once", "[delivery][smtp]") {
  SmtpFixture f({Script({{"banner", {"!reset"}}})});
  const Lines replies = f.Deliver(Request());
  CHECK(replies.at(0).starts_with("451 4.4.1 "));
  CHECK(replies.at(0).ends_with("Connection reset by peer"));  // to connect, or to the first read
}

TEST_CASE("SmtpDelivery: a host that is not there", "[delivery][smtp]") {
  asio::thread_pool pool(1);
  penstock::tests::RawListener listener;
  SmtpDeliveryOptions options = Options(listener.port());
  listener.Close();
  SmtpDelivery refused(pool.get_executor(), options);
  auto replies = Await(pool.get_executor(), refused.Deliver(Request()));
  REQUIRE(replies.size() == 1);
  CHECK(replies[0].ToString() ==
        Cat("451 4.4.1 connect to 127.0.0.1:", options.endpoint.port, ": Connection refused"));
  options.endpoint.host = "no-such-host.invalid";
  SmtpDelivery unknown(pool.get_executor(), options);
  replies = Await(pool.get_executor(), unknown.Deliver(Request()));
  REQUIRE(replies.size() == 1);
  CHECK(replies[0].ToString().starts_with("451 4.4.1 host no-such-host.invalid: "));
}

TEST_CASE("SmtpDelivery: a silent server is given up at every stage", "[delivery][smtp]") {
  for (const std::string stage : {"banner", "EHLO", "MAIL", "RCPT", "DATA", "."}) {
    CAPTURE(stage);
    SmtpFixture f({Script({{stage, {"!silent"}}})}, [](SmtpDeliveryOptions& options) {
      options.client.reply_timeout = 100ms;
      options.client.data_reply_timeout = 100ms;
    });
    const auto start = std::chrono::steady_clock::now();
    const Lines replies = f.Deliver(Request());
    CHECK(std::chrono::steady_clock::now() - start < 1500ms);
    REQUIRE(replies.size() == 1);
    CHECK(replies[0].starts_with("451 4.4."));
    CHECK(replies[0].find("no octet in time") != std::string::npos);
    CHECK(f.Sessions().size() == 1);
  }
}

TEST_CASE("SmtpDelivery: no reply to the final dot is a 4xx, and is not tried again at once",
          "[delivery][smtp]") {
  for (const std::string end : {"!close", "!reset"}) {
    CAPTURE(end);
    SmtpFixture f({Script({{".", {"250 2.0.0 first", end}}}), {}});
    CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 first"});
    const Lines replies = f.Deliver(Request());  // on the connection used before
    REQUIRE(replies.size() == 1);
    CHECK(replies[0].starts_with("451 4.4.2 "));
    CHECK(replies[0].find("may arrive twice") != std::string::npos);
    CHECK(f.Sessions().size() == 1);
    CHECK(f.peer.Contents().size() == 2);
  }
}

TEST_CASE("SmtpDelivery: what is no reply closes the connection", "[delivery][smtp]") {
  for (const std::string stage : {"MAIL", "RCPT", "DATA", "."}) {
    for (const std::string nonsense : {"what?", "354 go on", "999 x", "250-no\r\n550 end"}) {
      if (stage == "DATA" && nonsense.starts_with("354")) continue;
      CAPTURE(stage, nonsense);
      SmtpFixture f({Script({{"EHLO", {kPlainEhlo}}, {stage, {nonsense}}}), {}});
      const Lines replies = f.Deliver(Request());
      REQUIRE(replies.size() == 1);
      CHECK(replies[0].starts_with("451 4.5.0 "));
      CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
      CHECK(f.Sessions().size() == 2);
    }
  }
}

TEST_CASE("SmtpDelivery: a server that speaks out of turn is not taken at its word",
          "[delivery][smtp]") {
  const auto [stage, said] = GENERATE(table<std::string, std::string>({
      {"EHLO", "250 peer\r\n250 2.0.0 more"},
      {"MAIL", "250 2.1.0 ok\r\n250 2.1.5 ok"},
      {"RCPT", "250 2.1.5 ok\r\n550 5.1.1 who"},
      {"DATA", "354 go on\r\n250 2.0.0 queued"},
      {"DATA", "354 go on\r\n250 2.0.0 queued!close"},
  }));
  CAPTURE(stage, said);
  const bool long_content = GENERATE(false, true);
  SmtpFixture f({Script({{stage, {said}}}), SmtpPeerScript{}});
  const std::string content =
      long_content ? Cat(kMail, std::string(300'000, 'x'), "\r\n") : std::string(kMail);
  CHECK(f.Deliver(Request({"r@own.example"}, content)).at(0).starts_with("451 4."));
  CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
  const auto sessions = f.Sessions();
  REQUIRE(sessions.size() == 2);
  for (const std::string& wire : sessions[0].contents)
    CHECK_FALSE(wire.ends_with("\r\n.\r\n"));
}

TEST_CASE("SmtpDelivery: a reply too many is not the next message's", "[delivery][smtp]") {
  SmtpFixture f({Script({{".", {"250 2.0.0 queued\r\n250 2.0.0 queued"}}}),
                 Script({{"MAIL", {"550 5.7.1 no"}}})});
  CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
  CHECK(f.Deliver(Request()) == Lines{"550 5.7.1 no"});
  CHECK(f.Sessions().size() == 2);
}

TEST_CASE("SmtpDelivery: a used connection that is dead is replaced once", "[delivery][smtp]") {
  // The server is gone: before we ask, at our first command, or later but before the content.
  for (const std::string stage : {"MAIL", "RCPT", "DATA"}) {
    for (const std::string end : {"!close", "!reset", "421 4.4.2 idle too long!close"}) {
      CAPTURE(stage, end);
      const std::string fine = stage == "DATA" ? "354 go" : "250 fine";
      SmtpFixture f({Script({{stage, {fine, end}}}), Script({})});
      CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
      CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
      CHECK(f.Sessions().size() == 2);
      CHECK(f.peer.Contents().size() == 2);
    }
  }
  SmtpFixture f({Script({{".", {"250 2.0.0 queued!close"}}})});
  CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
  std::this_thread::sleep_for(20ms);
  CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
  CHECK(f.Sessions().size() == 2);
}

TEST_CASE("SmtpDelivery: a new connection that dies is not replaced", "[delivery][smtp]") {
  SmtpFixture f({Script({{"MAIL", {"!close"}}})});
  const Lines replies = f.Deliver(Request());
  REQUIRE(replies.size() == 1);
  CHECK(replies[0].starts_with("451 4.4.2 "));
  CHECK(f.Sessions().size() == 1);
}

TEST_CASE("SmtpDelivery: a full mailbox at RCPT is no server with too few recipients",
          "[delivery][smtp]") {
  SmtpFixture f({Script({{"RCPT", {"250 ok", "552 5.2.2 full", "452 4.2.2 full"}}})});
  CHECK(f.Deliver(Request({"a@own.example", "b@own.example", "c@own.example"})) ==
        Lines{"250 2.0.0 queued", "552 5.2.2 full", "452 4.2.2 full"});
  CHECK(f.Sessions().at(0).contents.size() == 1);
}

TEST_CASE("SmtpDelivery: a 354 behind refused recipients is answered by a dot alone",
          "[delivery][smtp]") {
  SmtpFixture f({Script({{"RCPT", {"550 5.1.1 no"}}, {".", {"554 5.5.1 no recipients"}}})});
  CHECK(f.Deliver(Request()) == Lines{"550 5.1.1 no"});
  CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
  const auto sessions = f.Sessions();
  REQUIRE(sessions.size() == 1);
  CHECK(sessions[0].contents.at(0) == ".\r\n");
}

TEST_CASE("SmtpDelivery: content that cannot be read is never finished", "[delivery][smtp]") {
  SmtpFixture f;
  const auto damaged = Content(Cat(kMail, std::string(300'000, 'x'), "\r\n"));
  damaged->fail_at = 200'000;
  damaged->at_once = 10'000;
  auto request = Request();
  request.content = damaged;
  const Lines replies = f.Deliver(std::move(request));
  CHECK(replies == Lines{"451 4.3.0 content cannot be read: content is damaged"});
  const auto sessions = f.Sessions();
  CHECK(sessions.size() == 1);
  CHECK(f.peer.Contents().empty());
}

TEST_CASE("SmtpDelivery: a server that hangs up in mid-content may say why", "[delivery][smtp]") {
  const std::string much = Cat(kMail, std::string(60, 'x'), "\r\n");
  std::string octets = kMail;
  while (octets.size() < 20U << 20U)
    octets += much;
  {
    SmtpFixture f({Script({{"content", {"552 5.3.4 enough!close"}}})});
    const Lines replies = f.Deliver(Request({"r@own.example"}, octets));
    REQUIRE(replies.size() == 1);
    // The reset may overtake the reply.
    const bool told = replies[0] == "552 5.3.4 enough";
    const bool lost = replies[0].starts_with("451 4.4.2 ");
    CHECK((told || lost));
  }
  SmtpFixture f({Script({{"content", {"!reset"}}})});
  CHECK(f.Deliver(Request({"r@own.example"}, octets)).at(0).starts_with("451 4.4.2 "));
}

TEST_CASE("SmtpDelivery: a path with a control character never reaches the wire",
          "[delivery][smtp]") {
  SmtpFixture f;
  const Lines replies = f.Deliver(Request({"a@own.example", "b@own.example>\r\nDATA"}));
  CHECK(replies == Lines{"250 2.0.0 queued", "553 5.1.3 forward path holds a control character"});
  auto request = Request();
  request.reverse_path = "s@a.example>\r\nQUIT";
  CHECK(f.Deliver(std::move(request)) == Lines{"553 5.1.7 reverse path holds a control character"});
}

TEST_CASE("SmtpDelivery: a cancelled delivery ends soon, and the next one works",
          "[delivery][smtp]") {
  using asio::experimental::awaitable_operators::operator||;
  for (const std::string stage : {"banner", "MAIL", "."}) {
    CAPTURE(stage);
    SmtpFixture f({Script({{stage, {"!silent"}}}), {}});
    const auto start = std::chrono::steady_clock::now();
    auto either = f.delivery->Deliver(Request()) || async::Sleep(50ms);
    const auto ended = Await(f.pool.get_executor(), std::move(either));
    CHECK(ended.index() == 1);
    CHECK(std::chrono::steady_clock::now() - start < 1s);
    CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
  }
}
