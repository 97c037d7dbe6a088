// SPDX-License-Identifier: Apache-2.0
// LMTP as a client: what RFC 2033 makes other than SMTP. The rest is smtp_delivery_test.cc's.
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

struct LmtpFixture : SmtpFixture {
  explicit LmtpFixture(std::vector<SmtpPeerScript> scripts = {{}})
      : SmtpFixture(Speaking(std::move(scripts)),
                    [](SmtpDeliveryOptions& options) { options.client.lmtp = true; }) {}

  static std::vector<SmtpPeerScript> Speaking(std::vector<SmtpPeerScript> scripts) {
    for (SmtpPeerScript& script : scripts)
      script.lmtp = true;
    return scripts;
  }
};

Lines Names(int count) {
  Lines names;
  for (int i = 1; i <= count; ++i)
    names.push_back(Cat("r", i, "@own.example"));
  return names;
}

// Every reply, its text behind `prefix` cut off.
void CheckStartsWith(const Lines& replies, const Lines& prefixes) {
  REQUIRE(replies.size() == prefixes.size());
  for (std::size_t i = 0; i < replies.size(); ++i) {
    CAPTURE(i, replies[i]);
    CHECK(replies[i].starts_with(prefixes[i]));
  }
}

}  // namespace

TEST_CASE("LmtpDelivery: LHLO, and each recipient gets its own reply to the content",
          "[delivery][lmtp]") {
  LmtpFixture f({Script({{"RCPT", {"250 yes", "550 5.1.1 who", "250 yes", "250 yes"}},
                         {".", {"250 2.0.0 kept", "452 4.2.2 full", "550 5.7.1 no"}}})});
  CHECK(f.Deliver(Request(Names(4))) ==
        Lines{"250 2.0.0 kept", "550 5.1.1 who", "452 4.2.2 full", "550 5.7.1 no"});
  // In step afterwards.
  CHECK(f.Deliver(Request(Names(2))) == Lines{"250 2.0.0 queued", "250 2.0.0 queued"});
  const auto sessions = f.Sessions();
  REQUIRE(sessions.size() == 1);
  CHECK(sessions[0].commands == Lines{"LHLO penstock.example", "MAIL FROM:<s@a.example>",
                                      "RCPT TO:<r1@own.example>", "RCPT TO:<r2@own.example>",
                                      "RCPT TO:<r3@own.example>", "RCPT TO:<r4@own.example>",
                                      "DATA", "MAIL FROM:<s@a.example>", "RCPT TO:<r1@own.example>",
                                      "RCPT TO:<r2@own.example>", "DATA", "QUIT"});
}

TEST_CASE("LmtpDelivery: BDAT, too, is answered for each recipient", "[delivery][lmtp]") {
  LmtpFixture f({Script({{"LHLO", {"250-peer\r\n250-CHUNKING\r\n250 BINARYMIME"}},
                         {".", {"250 2.0.0 kept", "451 4.3.0 later"}}})});
  auto request = Request(Names(2), "Subject: s\r\n\r\na\nb");
  request.body_8bit = true;
  CHECK(f.Deliver(std::move(request)) == Lines{"250 2.0.0 kept", "451 4.3.0 later"});
  CHECK(f.Sessions().size() == 1);
}

TEST_CASE("LmtpDelivery: replies that came count though the connection breaks behind them",
          "[delivery][lmtp]") {
  for (const std::string broken : {"!close", "!silent", "garbage", "354 what"}) {
    CAPTURE(broken);
    LmtpFixture f({Script({{".", {"250 2.0.0 kept", "550 5.7.1 no", broken}}}), SmtpPeerScript{}});
    const auto replies = f.Deliver(Request(Names(4)));
    CheckStartsWith(replies, {"250 2.0.0 kept", "550 5.7.1 no", "451 4.", "451 4."});
    CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
    CHECK(f.Sessions().size() == 2);  // and what was left was not sent again at once
  }
}

TEST_CASE("LmtpDelivery: a 421 to one recipient is that one's, and ends the session",
          "[delivery][lmtp]") {
  LmtpFixture f({Script({{".", {"250 2.0.0 kept", "421 4.3.2 going down", "250 2.0.0 kept"}}}),
                 SmtpPeerScript{}});
  CHECK(f.Deliver(Request(Names(3))) ==
        Lines{"250 2.0.0 kept", "421 4.3.2 going down", "250 2.0.0 kept"});
  CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
  CHECK(f.Sessions().size() == 2);
}

TEST_CASE("LmtpDelivery: nobody taken", "[delivery][lmtp]") {
  SECTION("DATA is refused, as it must be") {
    LmtpFixture f({Script({{"RCPT", {"550 5.1.1 who"}}, {"DATA", {"503 5.5.1 no recipients"}}})});
    CHECK(f.Deliver(Request()) == Lines{"550 5.1.1 who"});
    CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
    CHECK(f.Sessions().size() == 1);
  }
  SECTION("a server that says 354 nevertheless is left") {
    LmtpFixture f({Script({{"RCPT", {"550 5.1.1 who"}}}), SmtpPeerScript{}});
    CHECK(f.Deliver(Request()) == Lines{"550 5.1.1 who"});
    CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
    const auto sessions = f.Sessions();
    REQUIRE(sessions.size() == 2);
    CHECK(sessions[0].contents.empty());
  }
}

TEST_CASE("LmtpDelivery: a full mailbox is not one recipient too many", "[delivery][lmtp]") {
  SECTION("said of the content, it waits") {
    LmtpFixture f({Script({{".", {"250 2.0.0 kept", "452 full"}}})});
    CHECK(f.Deliver(Request(Names(2))) == Lines{"250 2.0.0 kept", "452 full"});
    CHECK(f.Sessions().at(0).contents.size() == 1);
  }
  SECTION("said to RCPT, the next transaction has the rest, whatever became of the first") {
    LmtpFixture f({Script({{"RCPT", {"250 yes", "452 4.5.3 too many"}},
                           {".", {"452 4.2.2 full", "250 2.0.0 kept"}}})});
    CHECK(f.Deliver(Request(Names(2))) == Lines{"452 4.2.2 full", "250 2.0.0 kept"});
    CHECK(f.Sessions().at(0).contents.size() == 2);
  }
}

TEST_CASE("LmtpDelivery: a server of SMTP is not spoken to by SMTP", "[delivery][lmtp]") {
  LmtpFixture f({Script({{"LHLO", {"500 5.5.1 unknown"}}})});
  const auto replies = f.Deliver(Request());
  REQUIRE(replies.size() == 1);
  CHECK(replies[0].starts_with("451 4.4.1 "));
  CHECK(replies[0].find("LHLO: 500 5.5.1 unknown") != std::string::npos);
  CHECK(f.Sessions().at(0).commands == Lines{"LHLO penstock.example"});
}
