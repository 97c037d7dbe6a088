// SPDX-License-Identifier: Apache-2.0
#include "engine/delivery/smtp_delivery.h"

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <catch2/catch.hpp>

#include "engine/async/deadline.h"
#include "engine/base/strings.h"
#include "tests/support/await.h"
#include "tests/support/memory_content.h"
#include "tests/support/smtp_peer.h"

using namespace penstock;            // NOLINT(google-build-using-namespace)
using namespace penstock::delivery;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using penstock::tests::Await;
using penstock::tests::Content;
using penstock::tests::SmtpPeer;
using penstock::tests::SmtpPeerScript;
using penstock::tests::SmtpPeerSession;

namespace {

namespace asio = boost::asio;

constexpr char kTrace[] = "Received: by penstock\r\n";
constexpr char kMail[] = "From: a@a.example\r\nSubject: s\r\n\r\nbody\r\n";

SmtpDeliveryOptions Options(std::uint16_t port) {
  SmtpDeliveryOptions options;
  options.endpoint.host = "127.0.0.1";
  options.endpoint.port = port;
  options.client.helo_name = "penstock.example";
  options.client.connect_timeout = 2s;
  options.client.reply_timeout = 2s;
  options.client.data_block_timeout = 2s;
  options.client.data_reply_timeout = 2s;
  options.marking = {{"X-Spam-Flag", "YES"}, {"X-No-Scan", "yes"}};
  return options;
}

ports::DeliveryRequest Request(std::vector<std::string> forward_paths = {"r@own.example"},
                               std::string octets = kMail) {
  ports::DeliveryRequest request;
  request.next_hop = "mx";
  request.reverse_path = "s@a.example";
  request.forward_paths = std::move(forward_paths);
  request.trace_field = kTrace;
  request.content = Content(std::move(octets));
  return request;
}

// A delivery to one peer.
struct Fixture {
  explicit Fixture(std::vector<SmtpPeerScript> scripts = {{}})
      : Fixture(std::move(scripts), [](SmtpDeliveryOptions&) {}) {}

  template <class Change>
  Fixture(std::vector<SmtpPeerScript> scripts, Change change) : peer(std::move(scripts)) {
    SmtpDeliveryOptions options = Options(peer.port());
    change(options);
    delivery = std::make_unique<SmtpDelivery>(pool.get_executor(), std::move(options));
  }

  std::vector<std::string> Deliver(ports::DeliveryRequest request) {
    std::vector<std::string> replies;
    for (const auto& reply : Await(pool.get_executor(), delivery->Deliver(std::move(request)))) {
      replies.push_back(reply.ToString());
    }
    return replies;
  }

  // Closes the connections, so that the peer's record is whole.
  std::vector<SmtpPeerSession> Sessions() {
    delivery.reset();
    pool.join();
    for (int i = 0; i < 1000; ++i) {
      auto sessions = peer.Sessions();
      bool all_ended = true;
      for (const SmtpPeerSession& session : sessions)
        all_ended = all_ended && session.ended;
      if (all_ended) return sessions;
      std::this_thread::sleep_for(5ms);
    }
    FAIL("a connection is still open");
    return {};
  }

  SmtpPeer peer;
  asio::thread_pool pool{2};
  std::unique_ptr<SmtpDelivery> delivery;
};

SmtpPeerScript Script(std::map<std::string, std::vector<std::string>> replies) {
  SmtpPeerScript script;
  script.replies = std::move(replies);
  return script;
}

using Lines = std::vector<std::string>;

constexpr char kPlainEhlo[] = "250 peer";

}  // namespace

TEST_CASE("SmtpDelivery: a message leaves as it came but for trace field and marking",
          "[delivery][smtp]") {
  Fixture f;
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

TEST_CASE("SmtpDelivery: PIPELINING sends the whole envelope before it reads a reply",
          "[delivery][smtp]") {
  SmtpPeerScript script;
  script.reply_to_group = true;  // a client that waits for the reply to MAIL would wait for ever
  Fixture f({script});
  CHECK(f.Deliver(Request({"r1@own.example", "r2@own.example"})) ==
        Lines{"250 2.0.0 queued", "250 2.0.0 queued"});
}

TEST_CASE("SmtpDelivery: thousands of recipients go in groups, so that neither side blocks",
          "[delivery][smtp]") {
  Fixture f;
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
    Fixture f({Script({{"EHLO", {knows_ehlo ? kPlainEhlo : "502 5.5.1 what"}}})});
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
      Fixture f({script});
      CHECK(f.Deliver(
                Request({"a@own.example", "b@own.example", "c@own.example", "d@own.example"})) ==
            Lines{"550 5.1.1 no such user", "250 2.0.0 queued", "450 4.2.1 busy / come again",
                  "250 2.0.0 queued"});
    }
  }
}

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
      Fixture f({Script({{"EHLO", {ehlo}}, {c.stage, {c.reply}}}), {}});
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
    Fixture f({Script(c.replies)});
    const Lines replies = f.Deliver(Request({"a@own.example", "b@own.example"}));
    REQUIRE(replies.size() == 2);
    CHECK(replies[0] == replies[1]);
    CAPTURE(replies[0]);
    CHECK(replies[0].starts_with(Cat("451 4.4.1 127.0.0.1:", f.peer.port(), ": ", c.want)));
  }
}

TEST_CASE("SmtpDelivery: a server that resets the connection at once", "[delivery][smtp]") {
  Fixture f({Script({{"banner", {"!reset"}}})});
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
    Fixture f({Script({{stage, {"!silent"}}})}, [](SmtpDeliveryOptions& options) {
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
    Fixture f({Script({{".", {"250 2.0.0 first", end}}}), {}});
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
      Fixture f({Script({{"EHLO", {kPlainEhlo}}, {stage, {nonsense}}}), {}});
      const Lines replies = f.Deliver(Request());
      REQUIRE(replies.size() == 1);
      CHECK(replies[0].starts_with("451 4.5.0 "));
      CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
      CHECK(f.Sessions().size() == 2);
    }
  }
}

TEST_CASE("SmtpDelivery: a connection is used again", "[delivery][smtp]") {
  Fixture f;
  for (int i = 0; i < 5; ++i)
    CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
  const auto sessions = f.Sessions();
  REQUIRE(sessions.size() == 1);
  CHECK(sessions[0].contents.size() == 5);
  CHECK(sessions[0].commands.back() == "QUIT");
}

TEST_CASE("SmtpDelivery: a used connection that is dead is replaced once", "[delivery][smtp]") {
  // The server is gone: before we ask, at our first command, or later but before the content.
  for (const std::string stage : {"MAIL", "RCPT", "DATA"}) {
    for (const std::string end : {"!close", "!reset", "421 4.4.2 idle too long!close"}) {
      CAPTURE(stage, end);
      const std::string fine = stage == "DATA" ? "354 go" : "250 fine";
      Fixture f({Script({{stage, {fine, end}}}), Script({})});
      CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
      CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
      CHECK(f.Sessions().size() == 2);
      CHECK(f.peer.Contents().size() == 2);
    }
  }
  Fixture f({Script({{".", {"250 2.0.0 queued!close"}}})});
  CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
  std::this_thread::sleep_for(20ms);
  CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
  CHECK(f.Sessions().size() == 2);
}

TEST_CASE("SmtpDelivery: a new connection that dies is not replaced", "[delivery][smtp]") {
  Fixture f({Script({{"MAIL", {"!close"}}})});
  const Lines replies = f.Deliver(Request());
  REQUIRE(replies.size() == 1);
  CHECK(replies[0].starts_with("451 4.4.2 "));
  CHECK(f.Sessions().size() == 1);
}

TEST_CASE("SmtpDelivery: an idle connection is closed with QUIT after its time",
          "[delivery][smtp]") {
  Fixture f({{}}, [](SmtpDeliveryOptions& options) { options.connection_idle = 50ms; });
  CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
  for (int i = 0; i < 400 && !f.peer.Sessions().at(0).ended; ++i)
    std::this_thread::sleep_for(5ms);
  CHECK(f.peer.Sessions().at(0).ended);
  CHECK(f.peer.Sessions().at(0).commands.back() == "QUIT");
  CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
  CHECK(f.Sessions().size() == 2);
}

TEST_CASE("SmtpDelivery: an old connection is not used again", "[delivery][smtp]") {
  Fixture f({{}}, [](SmtpDeliveryOptions& options) { options.connection_age_max = 0ms; });
  CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
  CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
  CHECK(f.Sessions().size() == 2);
}

TEST_CASE("SmtpDelivery: at most so many connections are open, the others wait",
          "[delivery][smtp]") {
  SmtpPeerScript slow;
  slow.delay_milliseconds = 20;
  Fixture f({slow}, [](SmtpDeliveryOptions& options) { options.deliveries_at_once = 3; });
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
  Fixture f({Script({{"RCPT",
                      {"250 ok", "250 ok", "452 4.5.3 too many", "552 too many", "550 5.1.1 no",
                       "250 ok", "250 ok"}}})});
  CHECK(f.Deliver(Request({"a@own.example", "b@own.example", "c@own.example", "d@own.example",
                           "e@own.example"})) == Lines{"250 2.0.0 queued", "250 2.0.0 queued",
                                                       "250 2.0.0 queued", "250 2.0.0 queued",
                                                       "550 5.1.1 no"});
  const auto sessions = f.Sessions();
  CHECK(sessions.at(0).contents.size() == 2);
}

TEST_CASE("SmtpDelivery: a full mailbox at RCPT is no server with too few recipients",
          "[delivery][smtp]") {
  Fixture f({Script({{"RCPT", {"250 ok", "552 5.2.2 full", "452 4.2.2 full"}}})});
  CHECK(f.Deliver(Request({"a@own.example", "b@own.example", "c@own.example"})) ==
        Lines{"250 2.0.0 queued", "552 5.2.2 full", "452 4.2.2 full"});
  CHECK(f.Sessions().at(0).contents.size() == 1);
}

TEST_CASE("SmtpDelivery: a 354 behind refused recipients is answered by a dot alone",
          "[delivery][smtp]") {
  Fixture f({Script({{"RCPT", {"550 5.1.1 no"}}, {".", {"554 5.5.1 no recipients"}}})});
  CHECK(f.Deliver(Request()) == Lines{"550 5.1.1 no"});
  CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
  const auto sessions = f.Sessions();
  REQUIRE(sessions.size() == 1);
  CHECK(sessions[0].contents.at(0) == ".\r\n");
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
    Fixture f;
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
    Fixture f({Script({{"EHLO", {ehlo}}})});
    auto request = Request({"a@own.example", "é@own.example"});
    request.smtputf8 = true;
    const Lines replies = f.Deliver(std::move(request));
    REQUIRE(replies.size() == 2);
    CHECK(replies[0] == "250 2.0.0 queued");
    CHECK(replies[1] == Cat("553 5.6.7 127.0.0.1:", f.peer.port(),
                            " does not offer SMTPUTF8, which the recipient's address needs"));
    CHECK(f.Sessions().at(0).commands.at(1) == "MAIL FROM:<s@a.example>");
  }
  for (const bool header : {false, true}) {
    Fixture f({Script({{"EHLO", {ehlo}}})});
    auto request = Request({"a@own.example"}, header ? "Subject: é\r\n\r\n" : kMail);
    request.smtputf8 = true;
    if (!header) request.reverse_path = "é@a.example";
    const Lines replies = f.Deliver(std::move(request));
    CHECK(replies.at(0).starts_with("553 5.6.7 "));
    CHECK(f.Sessions().at(0).contents.empty());
  }
}

TEST_CASE("SmtpDelivery: content that cannot be read is never finished", "[delivery][smtp]") {
  Fixture f;
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
    Fixture f({Script({{"content", {"552 5.3.4 enough!close"}}})});
    const Lines replies = f.Deliver(Request({"r@own.example"}, octets));
    REQUIRE(replies.size() == 1);
    // The reset may overtake the reply.
    const bool told = replies[0] == "552 5.3.4 enough";
    const bool lost = replies[0].starts_with("451 4.4.2 ");
    CHECK((told || lost));
  }
  Fixture f({Script({{"content", {"!reset"}}})});
  CHECK(f.Deliver(Request({"r@own.example"}, octets)).at(0).starts_with("451 4.4.2 "));
}

TEST_CASE("SmtpDelivery: dots are stuffed wherever pieces of content begin and end",
          "[delivery][smtp]") {
  std::string octets = "Subject: s\r\n\r\n";
  for (int i = 0; i < 40; ++i)
    octets += i % 3 == 0 ? ".\r\n" : i % 3 == 1 ? "..x\r\n" : "x.\r\n";
  Fixture f;
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
  Fixture f;
  const std::string line(1U << 20U, 'x');
  CHECK(f.Deliver(Request({"r@own.example"}, "a")) == Lines{"250 2.0.0 queued"});
  CHECK(f.Deliver(Request({"r@own.example"}, "")) == Lines{"250 2.0.0 queued"});
  CHECK(f.Deliver(Request({"r@own.example"}, "A: b\r\n\r\n" + line + "\r\n")) ==
        Lines{"250 2.0.0 queued"});
  f.Sessions();
  CHECK(f.peer.Contents() ==
        Lines{Cat(kTrace, "a\r\n"), kTrace, Cat(kTrace, "A: b\r\n\r\n", line, "\r\n")});
}

TEST_CASE("SmtpDelivery: a path with a control character never reaches the wire",
          "[delivery][smtp]") {
  Fixture f;
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
    Fixture f({Script({{stage, {"!silent"}}}), {}});
    const auto start = std::chrono::steady_clock::now();
    auto either = f.delivery->Deliver(Request()) || async::Sleep(50ms);
    const auto ended = Await(f.pool.get_executor(), std::move(either));
    CHECK(ended.index() == 1);
    CHECK(std::chrono::steady_clock::now() - start < 1s);
    CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
  }
}
