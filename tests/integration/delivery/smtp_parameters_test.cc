// SPDX-License-Identifier: Apache-2.0
// What goes on to a next hop besides addresses and content: DSN (RFC 3461 §5.2) and XFORWARD.
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "engine/delivery/smtp_delivery.h"
#include "tests/integration/delivery/smtp_fixture.h"
#include "tests/support/smtp_peer.h"

using namespace penstock;            // NOLINT(google-build-using-namespace)
using namespace penstock::delivery;  // NOLINT(google-build-using-namespace)
using namespace penstock::tests;     // NOLINT(google-build-using-namespace)

namespace {

ports::DeliveryRequest Asking() {
  auto request = Request({"r1@own.example", "r2@own.example", "r3@own.example"});
  request.dsn = {mail::DsnReturn::kHeaders, "QQ+2B1"};
  request.recipients_dsn = {
      {true, true, true, false, "rfc822;R1@Own.example"}, {}, {true, false, false, false, ""}};
  return request;
}

std::vector<mail::HandOver> HandOvers(SmtpFixture& f, ports::DeliveryRequest request) {
  std::vector<mail::HandOver> out;
  for (const auto& reply : Await(f.pool.get_executor(), f.delivery->Deliver(std::move(request))))
    out.push_back(reply.hand_over);
  return out;
}

}  // namespace

TEST_CASE("SmtpDelivery: what the sender asked goes on as it came, where DSN is offered",
          "[delivery][dsn]") {
  SmtpFixture f(
      {Script({{"EHLO", {"250-peer\r\n250 dsn"}}, {"RCPT", {"250 yes", "452 4.5.3 no"}}})});
  using enum mail::HandOver;
  CHECK(HandOvers(f, Asking()) == std::vector{kPromised, kPromised, kPromised});
  CHECK(f.Sessions().at(0).commands ==
        Lines{"EHLO penstock.example", "MAIL FROM:<s@a.example> RET=HDRS ENVID=QQ+2B1",
              "RCPT TO:<r1@own.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;R1@Own.example",
              "RCPT TO:<r2@own.example>", "RCPT TO:<r3@own.example> NOTIFY=NEVER", "DATA",
              // One too many for the first transaction keeps what is its own.
              "MAIL FROM:<s@a.example> RET=HDRS ENVID=QQ+2B1", "RCPT TO:<r2@own.example>", "DATA",
              "QUIT"});
}

TEST_CASE("SmtpDelivery: a server without DSN is told nothing of it, and we have to tell",
          "[delivery][dsn]") {
  for (const bool lmtp : {false, true}) {
    CAPTURE(lmtp);
    SmtpPeerScript script;
    script.lmtp = lmtp;
    SmtpFixture f({script}, [lmtp](SmtpDeliveryOptions& options) { options.client.lmtp = lmtp; });
    const auto want = lmtp ? mail::HandOver::kDelivered : mail::HandOver::kRelayed;
    CHECK(HandOvers(f, Asking()) == std::vector(3, want));
    const auto sessions = f.Sessions();
    for (const std::string& command : sessions.at(0).commands) {
      for (const char* word : {"RET=", "ENVID=", "NOTIFY=", "ORCPT="})
        CHECK(command.find(word) == std::string::npos);
    }
  }
}

TEST_CASE("SmtpDelivery: an original recipient in UTF-8 suits a server without SMTPUTF8",
          "[delivery][dsn]") {
  for (const bool utf8 : {false, true}) {
    CAPTURE(utf8);
    SmtpFixture f(
        {Script({{"EHLO", {Cat("250-peer\r\n", utf8 ? "250-SMTPUTF8\r\n" : "", "250 DSN")}}})});
    auto request = Request();
    request.smtputf8 = true;
    request.recipients_dsn = {{false, false, false, false, "utf-8;ö@own.example"}};
    CHECK(f.Deliver(std::move(request)) == Lines{"250 2.0.0 queued"});
    CHECK(f.Sessions().at(0).commands.at(2) ==
          Cat("RCPT TO:<r@own.example> ORCPT=utf-8;", utf8 ? "ö" : "\\x{F6}", "@own.example"));
  }
}

TEST_CASE("SmtpDelivery: a marking may be a subaddress as well", "[delivery][smtp]") {
  SmtpFixture f({{}},
                [](SmtpDeliveryOptions& options) { options.marking.junk.subaddress = "Junk"; });
  auto request = Request({"r@own.example", "s+lists@own.example"});
  CHECK(f.Deliver(request) == Lines{"250 2.0.0 queued", "250 2.0.0 queued"});
  request.marking = flow::Marking::kJunk;
  CHECK(f.Deliver(request) == Lines{"250 2.0.0 queued", "250 2.0.0 queued"});
  const auto commands = f.Sessions().at(0).commands;
  CHECK(Lines(commands.begin() + 2, commands.begin() + 4) ==
        Lines{"RCPT TO:<r@own.example>", "RCPT TO:<s+lists@own.example>"});
  CHECK(Lines(commands.begin() + 6, commands.begin() + 8) ==
        Lines{"RCPT TO:<r+Junk@own.example>", "RCPT TO:<s+Junk@own.example>"});
}

TEST_CASE("SmtpDelivery: a subaddress that a message brings along marks nothing",
          "[delivery][smtp]") {
  SmtpFixture f({{}}, [](SmtpDeliveryOptions& options) {
    options.marking.junk.subaddress = "Junk";
    options.marking.bypass_spam_check.subaddress = "nospam";
  });
  auto request = Request({"r+nospam@own.example", "s+NoSpam@far.example"});
  request.owned = {true, false};  // another's subaddresses mean what they mean there
  CHECK(f.Deliver(request) == Lines{"250 2.0.0 queued", "250 2.0.0 queued"});
  request.marking = flow::Marking::kBypassSpamCheck;
  CHECK(f.Deliver(request) == Lines{"250 2.0.0 queued", "250 2.0.0 queued"});
  const auto commands = f.Sessions().at(0).commands;
  CHECK(Lines(commands.begin() + 2, commands.begin() + 4) ==
        Lines{"RCPT TO:<r@own.example>", "RCPT TO:<s+NoSpam@far.example>"});
  CHECK(commands.at(6) == "RCPT TO:<r+nospam@own.example>");
}

TEST_CASE("SmtpDelivery: XFORWARD tells whose mail it is, as far as it is asked",
          "[delivery][smtp]") {
  constexpr char kEhlo[] = "250-peer\r\n250-XFORWARD NAME ADDR proto HELO IDENT\r\n250 DSN";
  SmtpFixture f({Script({{"EHLO", {kEhlo}}, {"XFOR", Lines(9, "250 2.0.0 noted")}})});
  auto request = Request();
  request.message = MessageId("4f3c1a52-0000-4000-8000-0123456789ab");
  request.client.address = "2001:db8::9";
  request.client.helo = "a b=c";
  request.client.with = "ESMTPS";
  CHECK(f.Deliver(request) == Lines{"250 2.0.0 queued"});
  request.client.forwarded = {{"NAME", "mail.far.example"},
                              {"PORT", "4711"},
                              {"ADDR", "192.0.2.9"},
                              {"HELO", std::string(255, '+')}};
  CHECK(f.Deliver(request) == Lines{"250 2.0.0 queued"});
  request.client = {};  // a bounce
  CHECK(f.Deliver(request) == Lines{"250 2.0.0 queued"});
  std::string encoded;
  for (int i = 0; i < 255; ++i)
    encoded += "+2B";
  CHECK(f.Sessions().at(0).commands ==
        Lines{"EHLO penstock.example",
              "XFORWARD ADDR=IPV6:2001:db8::9 PROTO=ESMTP "
              "IDENT=4f3c1a52-0000-4000-8000-0123456789ab HELO=a+20b+3Dc",
              "MAIL FROM:<s@a.example>", "RCPT TO:<r@own.example>", "DATA",
              "XFORWARD NAME=mail.far.example ADDR=192.0.2.9", Cat("XFORWARD HELO=", encoded),
              "MAIL FROM:<s@a.example>", "RCPT TO:<r@own.example>", "DATA",
              "MAIL FROM:<s@a.example>", "RCPT TO:<r@own.example>", "DATA", "QUIT"});
}

TEST_CASE("SmtpDelivery: a server that does not want to know takes the mail nevertheless",
          "[delivery][smtp]") {
  SmtpFixture f(
      {Script({{"EHLO", {"250-peer\r\n250 XFORWARD ADDR"}}, {"XFOR", {"550 5.7.1 no"}}})});
  auto request = Request();
  request.client.address = "192.0.2.9";
  CHECK(f.Deliver(std::move(request)) == Lines{"250 2.0.0 queued"});
}
