// SPDX-License-Identifier: Apache-2.0
// SMTP smuggling: octets in a message that one server takes for the end of the message and another
// does not. Whoever gets a second message through us so can forge any sender of the first server.
#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "engine/delivery/smtp_delivery.h"
#include "tests/integration/ingress/server_fixture.h"
#include "tests/support/await.h"
#include "tests/support/memory_content.h"
#include "tests/support/smtp_peer.h"
#include "tests/support/vectors.h"
#include "tests/unit/mail/octets.h"

using namespace penstock;  // NOLINT(google-build-using-namespace)
using penstock::tests::LoadVectors;
using penstock::tests::Octets;
using penstock::tests::RawSocket;
using penstock::tests::ServerFixture;

namespace {

constexpr char kHead[] = "Subject: first\r\n\r\nbody";
constexpr char kSmuggled[] =
    "MAIL FROM:<evil@a.example>\r\nRCPT TO:<victim@own.example>\r\nDATA\r\n"
    "Subject: second\r\n\r\nforged";

// What is sent as content around a vector: it is all one message, unless the vector ends it.
std::string Sent(const std::string& octets) {
  return Cat(kHead, octets, kSmuggled, "\r\n.\r\n");
}

// `sent` around a vector's octets, which have to come to what it wants, in pieces of `piece`.
void CheckOneMessage(const tests::Vector& v, const std::string& sent, std::size_t piece,
                     bool lmtp) {
  CAPTURE(v.name, piece, lmtp);
  const bool ends = v.want == "end" || v.want == "refused, end";
  ServerFixture f;
  f.options.connection.session.lmtp = lmtp;
  RawSocket client = f.BeginContent();
  client.SendInChunks(sent, piece);
  client.Send("QUIT\r\n");
  const std::string replies = client.ReadAll();
  const auto accepted = f.intake.accepted();
  CHECK(replies.ends_with("221 2.0.0 mx.example closes the connection\r\n"));
  // One reply to the content, whatever it holds; more only where it ends.
  CHECK((Split(replies, '\n').size() > 3) == ends);
  if (v.want.get<std::string>().starts_with("refused")) {
    CHECK(replies.starts_with("5"));
  } else {
    CHECK(replies.starts_with("250 2.0.0 accepted\r\n"));
  }
  if (v.want == "content") {
    REQUIRE(accepted.size() == 1);
    CHECK(accepted[0].content == tests::Unstuffed(sent));
    CHECK(accepted[0].envelope.reverse_path == "s@a.example");
  } else {
    CHECK(accepted.size() == (v.want == "end" ? 2 : v.want == "refused, end" ? 1 : 0));
  }
}

}  // namespace

TEST_CASE("Smuggling: nothing but CRLF . CRLF ends a message, in pieces of any size",
          "[ingress][smuggling]") {
  const auto vectors = LoadVectors("ingress/smuggling.json");
  CHECK(vectors.size() >= 32);
  for (const auto& v : vectors) {
    const std::string sent = Sent(Octets(v.input));
    for (const std::size_t piece : {sent.size(), std::size_t{1}, std::size_t{2}, std::size_t{7}})
      CheckOneMessage(v, sent, piece, false);
    CheckOneMessage(v, sent, sent.size(), true);
  }
}

TEST_CASE("Smuggling: what we took is one message at a next hop that takes any line end",
          "[ingress][smuggling]") {
  for (const auto& v : LoadVectors("ingress/smuggling.json")) {
    CAPTURE(v.name);
    // Refused at our SMTP door, but a hook's replacement or a library call may hold it.
    const std::string content = Cat(kHead, Octets(v.input), kSmuggled, "\r\n");
    tests::SmtpPeer peer;
    boost::asio::thread_pool pool(1);
    {
      delivery::SmtpDeliveryOptions options;
      options.endpoint.host = "127.0.0.1";
      options.endpoint.port = peer.port();
      options.client.helo_name = "penstock.example";
      delivery::SmtpDelivery delivery(pool.get_executor(), options);
      ports::DeliveryRequest request;
      request.forward_paths = {"r@own.example"};
      request.content = tests::Content(content);
      const auto replies = tests::Await(pool.get_executor(), delivery.Deliver(std::move(request)));
      CHECK(replies.at(0).code == 250);
    }
    pool.join();
    const auto sessions = peer.Sessions();
    REQUIRE(sessions.size() == 1);
    REQUIRE(sessions[0].contents.size() == 1);
    // As a careless next hop reads it: CR, LF and CRLF each end a line.
    std::string wire = sessions[0].contents[0];
    for (std::size_t at = 0; (at = wire.find("\r\n", at)) != std::string::npos;)
      wire.erase(at, 1);
    std::replace(wire.begin(), wire.end(), '\r', '\n');
    const auto lines = Split(wire, '\n');
    REQUIRE(lines.size() > 2);
    CHECK(lines[lines.size() - 2] == ".");
    CHECK(std::count(lines.begin(), lines.end(), std::string_view(".")) == 1);
  }
}
