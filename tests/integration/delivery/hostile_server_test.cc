// SPDX-License-Identifier: Apache-2.0
// A server that says anything at any time (A5): what may be told of mail sent to it nevertheless.
#include <array>
#include <cstddef>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "tests/integration/delivery/smtp_fixture.h"
#include "tests/support/smtp_peer.h"

using namespace penstock;            // NOLINT(google-build-using-namespace)
using namespace penstock::delivery;  // NOLINT(google-build-using-namespace)
using namespace penstock::tests;     // NOLINT(google-build-using-namespace)

namespace {

// A stage's own reply is "GOOD"; of a reply in parts the connection's end is the rest.
constexpr std::array<std::string_view, 11> kOdd = {
    "451 4.3.0 later",
    "452 4.5.3 too many",
    "550 5.7.1 said no",
    "421 4.3.2 going down",
    "354 go on",
    "!close",
    "!reset",
    "garbage",
    "250-half!close",
    "GOOD\r\n250 2.0.0 early",
    "GOOD\r\n550 5.7.1 said no",
};

class AnyScript {
 public:
  explicit AnyScript(unsigned seed) : chance_(seed), calm_(50 + seed % 50) {}

  SmtpPeerScript Make(bool lmtp) {
    SmtpPeerScript script;
    script.lmtp = lmtp;
    script.chunk = chance_() % 3 == 0 ? 1 + chance_() % 7 : 0;
    script.reply_to_group = chance_() % 2 == 0;
    const std::map<std::string, std::string> good = {
        {"MAIL", "250 2.1.0 ok"}, {"RCPT", "250 2.1.5 ok"}, {"DATA", "354 go on"},
        {".", "250 2.0.0 kept"},  {"RSET", "250 2.0.0 ok"},
    };
    for (const auto& [stage, own] : good) {
      for (int i = 0; i < 8; ++i)
        script.replies[stage].push_back(Any(own));
    }
    return script;
  }

 private:
  std::string Any(const std::string& own) {
    if (chance_() % 100 < calm_) return own;
    std::string reply(kOdd[chance_() % kOdd.size()]);
    if (reply.starts_with("GOOD")) reply.replace(0, 4, own);
    return reply;
  }

  std::mt19937 chance_;
  unsigned calm_;  // per cent of replies as they should be
};

// Messages that the server has whole.
std::size_t Whole(const std::vector<SmtpPeerSession>& sessions) {
  std::size_t whole = 0;
  for (const SmtpPeerSession& session : sessions)
    whole += session.contents.size();
  return whole;
}

}  // namespace

TEST_CASE("SmtpDelivery: whatever a server says, nothing is taken that it has not whole",
          "[delivery][smtp]") {
  const bool lmtp = GENERATE(false, true);
  std::size_t taken = 0;
  std::size_t refused = 0;
  for (unsigned seed = 1; seed <= 300; ++seed) {
    CAPTURE(lmtp, seed);
    AnyScript any(seed);
    SmtpFixture f({any.Make(lmtp), any.Make(lmtp), any.Make(lmtp)},
                  [&](SmtpDeliveryOptions& options) { options.client.lmtp = lmtp; });
    for (int i = 0; i < 2; ++i) {
      const std::size_t before = Whole(f.peer.Sessions());
      const Lines replies =
          f.Deliver(Request({"r1@own.example", "r2@own.example", "r3@own.example"},
                            Cat(kMail, std::string(seed % 3 * 70'000, 'x'), "\r\n")));
      REQUIRE(replies.size() == 3);
      for (const std::string& reply : replies) {
        CAPTURE(reply);
        if (reply.front() == '2') {
          ++taken;
          // The server's word on the content, and no other.
          CHECK((reply == "250 2.0.0 kept" || (lmtp && reply == "250 2.0.0 early")));
          CHECK(Whole(f.peer.Sessions()) > before);
        } else if (reply.front() == '5') {
          ++refused;
          CHECK(reply == "550 5.7.1 said no");
        } else {
          CHECK(reply.front() == '4');
        }
      }
    }
    f.Sessions();
  }
  CHECK(taken > 100);
  CHECK(refused > 100);
}
