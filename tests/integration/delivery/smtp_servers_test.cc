// SPDX-License-Identifier: Apache-2.0
// Several servers behind one next hop, and a login at one.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "engine/delivery/smtp_delivery.h"
#include "tests/integration/delivery/smtp_fixture.h"
#include "tests/support/raw_socket.h"
#include "tests/support/smtp_peer.h"
#include "tests/support/temporary_folder.h"

using namespace penstock;            // NOLINT(google-build-using-namespace)
using namespace penstock::delivery;  // NOLINT(google-build-using-namespace)
using namespace penstock::tests;     // NOLINT(google-build-using-namespace)

namespace {

namespace fs = std::filesystem;

async::Endpoint At(std::uint16_t port) {
  return {"127.0.0.1", port, ""};
}

std::uint16_t ClosedPort() {
  return RawListener().port();
}

// A file with a password, of mode 0600.
std::string PasswordFile(const TemporaryFolder& folder, const std::string& text) {
  const std::string path = folder.path() + "/password";
  std::ofstream(path, std::ios::binary) << text;
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  return path;
}

struct LoginFixture : SmtpFixture {
  explicit LoginFixture(SmtpPeerScript script, const std::string& password = "s3cret\r\n")
      : SmtpFixture({std::move(script)}, [&](SmtpDeliveryOptions& options) {
          options.client.login = {"relay", PasswordFile(folder, password)};
        }) {}

  static inline TemporaryFolder folder;
};

}  // namespace

TEST_CASE("SmtpDelivery: the next server is taken in the same attempt, in order",
          "[delivery][smtp]") {
  const std::string greeting = GENERATE("421 4.3.2 busy", "554 5.3.2 no", "!close", "!reset", "");
  CAPTURE(greeting);
  // The first is down, or refuses the session; the second likewise; the third serves.
  SmtpPeer second({Script({{"EHLO", {"421 4.3.2 busy"}}})});
  SmtpPeer third;
  SmtpFixture f({Script({{"banner", {greeting}}})}, [&](SmtpDeliveryOptions& options) {
    if (greeting.empty()) options.endpoint = At(ClosedPort());
    options.fallbacks = {At(second.port()), At(third.port())};
  });
  CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
  f.delivery.reset();
  f.pool.join();
  CHECK(third.Contents().size() == 1);
  CHECK(second.Contents().empty());
}

TEST_CASE("SmtpDelivery: a server that was down rests while others serve", "[delivery][smtp]") {
  const auto rest = GENERATE(Milliseconds(60'000), Milliseconds(0));
  CAPTURE(rest.count());
  SmtpPeer second;
  SmtpFixture f({Script({{"banner", {"421 4.3.2 busy"}}}), SmtpPeerScript{}},
                [&](SmtpDeliveryOptions& options) {
                  options.fallbacks = {At(second.port())};
                  options.connection_age_max = Milliseconds(0);  // each delivery connects
                  options.server_rest = rest;
                });
  for (int i = 0; i < 3; ++i)
    CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
  const bool rests = rest.count() > 0;
  CHECK(f.Sessions().size() == (rests ? 1 : 3));
  CHECK(second.Contents().size() == (rests ? 3 : 1));
}

TEST_CASE("SmtpDelivery: a reply says which server gave it, or that it is ours",
          "[delivery][smtp]") {
  SmtpPeer second({Script({{"RCPT", {"550 5.1.1 who"}}, {".", {"!close"}}})});
  SmtpFixture f({Script({{"banner", {"421 4.3.2 busy"}}})}, [&](SmtpDeliveryOptions& options) {
    options.fallbacks = {{"localhost", second.port(), ""}};
  });
  const auto replies = Await(f.pool.get_executor(),
                             f.delivery->Deliver(Request({"r1@own.example", "r2@own.example"})));
  CHECK(replies.at(0).server == "localhost");
  CHECK(replies.at(1).is_transient());
  CHECK(replies.at(1).server.empty());
}

TEST_CASE("SmtpDelivery: where all servers rest, all are tried", "[delivery][smtp]") {
  SmtpPeer second({Script({{"banner", {"421 4.3.2 busy"}}}), SmtpPeerScript{}});
  SmtpFixture f(
      {Script({{"banner", {"421 4.3.2 busy"}}}), Script({{"banner", {"421 4.3.2 busy"}}})},
      [&](SmtpDeliveryOptions& options) { options.fallbacks = {At(second.port())}; });
  CHECK(f.Deliver(Request()).at(0).starts_with("451 4.4.1 "));
  CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
  CHECK(f.Sessions().size() == 2);
  CHECK(second.Contents().size() == 1);
}

TEST_CASE("SmtpDelivery: a server that takes the session has the last word on the mail",
          "[delivery][smtp]") {
  SmtpPeer second;
  SmtpFixture f({Script({{"RCPT", {"451 4.2.1 later", "550 5.1.1 who"}}})},
                [&](SmtpDeliveryOptions& options) { options.fallbacks = {At(second.port())}; });
  CHECK(f.Deliver(Request({"r1@own.example", "r2@own.example"})) ==
        Lines{"451 4.2.1 later", "550 5.1.1 who"});
  CHECK(second.Sessions().empty());
}

TEST_CASE("SmtpDelivery: with every server down, mail waits", "[delivery][smtp]") {
  SmtpFixture f({{}}, [&](SmtpDeliveryOptions& options) {
    options.endpoint = At(ClosedPort());
    options.fallbacks = {At(ClosedPort())};
  });
  const Lines replies = f.Deliver(Request());
  REQUIRE(replies.size() == 1);
  CHECK(replies[0].starts_with("451 4.4.1 "));
}

TEST_CASE("SmtpDelivery: AUTH by the first mechanism that both know", "[delivery][smtp]") {
  SECTION("PLAIN") {
    LoginFixture f(Script({{"EHLO", {"250-peer\r\n250 AUTH CRAM-MD5 LOGIN plain"}},
                           {"AUTH", {"235 2.7.0 welcome"}}}));
    CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
    CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
    const auto commands = f.Sessions().at(0).commands;  // once a connection
    CHECK(std::count(commands.begin(), commands.end(), "AUTH PLAIN AHJlbGF5AHMzY3JldA==") == 1);
  }
  SECTION("LOGIN, as a server of old says it") {
    LoginFixture f(Script({{"EHLO", {"250-peer\r\n250 AUTH=LOGIN"}},
                           {"AUTH", {"334 VXNlcm5hbWU6"}},
                           {"cmVs", {"334 UGFzc3dvcmQ6"}},
                           {"czNj", {"235 2.7.0 welcome"}}}));
    CHECK(f.Deliver(Request()) == Lines{"250 2.0.0 queued"});
    const auto commands = f.Sessions().at(0).commands;
    CHECK(Lines(commands.begin() + 1, commands.begin() + 4) ==
          Lines{"AUTH LOGIN", "cmVsYXk=", "czNjcmV0"});
  }
}

TEST_CASE("SmtpDelivery: a login that does not work bounces no mail", "[delivery][smtp]") {
  const auto reply = [](LoginFixture& f) { return f.Deliver(Request()).at(0); };
  SECTION("refused") {
    LoginFixture f(
        Script({{"EHLO", {"250-peer\r\n250 AUTH PLAIN"}}, {"AUTH", {"535 5.7.8 wrong"}}}));
    CHECK(reply(f).find("AUTH: 535 5.7.8 wrong") != std::string::npos);
    CHECK(reply(f).starts_with("451 4.4.1 "));
  }
  SECTION("with words that repeat the password, which go on record") {
    const std::string said =
        GENERATE("500 5.5.1 unknown: AUTH PLAIN AHJlbGF5AHMzY3JldA==", "500 AUTH PLAIN AHJLBGF5",
                 "535 5.7.8 S3CRET is no password");
    LoginFixture f(Script({{"EHLO", {"250-peer\r\n250 AUTH PLAIN"}}, {"AUTH", {said}}}));
    const std::string told = reply(f);
    CHECK(told.find(Cat("AUTH: ", said.substr(0, 3))) != std::string::npos);
    CHECK(told.find("left out") != std::string::npos);
    CHECK(AsciiLower(told).find("ahjl") == std::string::npos);
    CHECK(AsciiLower(told).find("s3cr") == std::string::npos);
  }
  SECTION("not offered") {
    LoginFixture f(Script({{"EHLO", {"250-peer\r\n250 AUTH GSSAPI"}}}));
    CHECK(reply(f).find("offers neither AUTH PLAIN nor LOGIN") != std::string::npos);
  }
  SECTION("no password") {
    LoginFixture f(Script({{"EHLO", {"250-peer\r\n250 AUTH PLAIN"}}}), "\n");
    CHECK(reply(f).find("auth.password_file: ") != std::string::npos);
  }
}

TEST_CASE("ReadPassword: the first line of a file that is nobody else's", "[delivery][smtp]") {
  const TemporaryFolder folder;
  const std::string file = PasswordFile(folder, "a b\r\nmore\n");
  CHECK(ReadPassword(file).value() == "a b");
  fs::permissions(file, fs::perms::others_read, fs::perm_options::add);
  CHECK(Message(ReadPassword(file).status()).find("mend it: chmod 600") != std::string::npos);
  CHECK_FALSE(ReadPassword(folder.path() + "/nowhere").ok());
  CHECK_FALSE(ReadPassword(folder.path()).ok());
  CHECK_FALSE(ReadPassword(PasswordFile(folder, std::string(256, 'x'))).ok());
}
