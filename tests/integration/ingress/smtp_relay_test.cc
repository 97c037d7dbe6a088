// SPDX-License-Identifier: Apache-2.0
// Our own client against our own server, over TCP and over a unix socket.
#include <cstdint>
#include <future>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_future.hpp>
#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "engine/delivery/smtp_delivery.h"
#include "tests/integration/ingress/server_fixture.h"
#include "tests/support/await.h"
#include "tests/support/memory_content.h"
#include "tests/support/temporary_folder.h"

using namespace penstock;  // NOLINT(google-build-using-namespace)
using penstock::tests::Await;
using penstock::tests::ServerFixture;

namespace {

namespace asio = boost::asio;

constexpr char kTrace[] = "Received: by penstock\r\n";

delivery::SmtpDeliveryOptions To(const ServerFixture& f) {
  delivery::SmtpDeliveryOptions options;
  options.endpoint = f.options.listen;
  options.endpoint.port = f.port;
  options.client.helo_name = "penstock.example";
  return options;
}

ports::DeliveryRequest Request(std::string octets, std::vector<std::string> forward_paths) {
  ports::DeliveryRequest request;
  request.reverse_path = "s@a.example";
  request.forward_paths = std::move(forward_paths);
  request.trace_field = kTrace;
  request.content = tests::Content(std::move(octets));
  return request;
}

// Deterministic octets with dots and line ends all over.
std::string Mail(std::uint32_t seed, std::size_t octets) {
  std::string mail = "Subject: s\r\n\r\n";
  while (mail.size() < octets) {
    seed = seed * 1'664'525U + 1'013'904'223U;
    const std::uint32_t kind = seed >> 28U;
    if (kind < 3) {
      mail += "\r\n";
    } else if (kind < 6) {
      mail += '.';
    } else {
      const char c = static_cast<char>(seed >> 16U);
      if (c != '\r' && c != '\n') mail += c;
    }
  }
  return mail + "\r\n";
}

}  // namespace

TEST_CASE("SMTP in and out: what goes in comes out", "[ingress][delivery][smtp]") {
  for (const bool unix_socket : {false, true}) {
    CAPTURE(unix_socket);
    const tests::TemporaryFolder folder;
    ServerFixture f;
    if (unix_socket) {
      f.options.listen = {};
      f.options.listen.unix_path = folder.path() + "/smtp";
    }
    f.Start();
    std::vector<std::string> sent;
    {
      delivery::SmtpDelivery delivery(f.pool.get_executor(), To(f));
      for (std::uint32_t seed = 1; seed < 60; ++seed) {
        sent.push_back(Mail(seed, std::size_t{seed} * seed * 100));
        const auto replies =
            Await(f.pool.get_executor(), delivery.Deliver(Request(sent.back(), {"r@own.example"})));
        REQUIRE(replies.at(0).ToString() == "250 2.0.0 accepted");
      }
    }
    const auto accepted = f.intake.accepted();
    REQUIRE(accepted.size() == sent.size());
    for (std::size_t i = 0; i < sent.size(); ++i) {
      CAPTURE(i);
      CHECK((accepted[i].content == kTrace + sent[i]));
    }
    f.CheckNothingLeft();
  }
}

TEST_CASE("SMTP in and out: fifty deliveries at a time, five hundred recipients each",
          "[ingress][delivery][smtp]") {
  ServerFixture f;
  f.Start();
  delivery::SmtpDelivery delivery(f.pool.get_executor(), To(f));
  std::vector<std::string> recipients;
  for (int i = 0; i < 500; ++i)
    recipients.push_back(Cat("r", i, "@own.example"));
  recipients.emplace_back("x@other.example");
  std::vector<std::future<std::vector<mail::SmtpReply>>> running;
  for (std::uint32_t i = 0; i < 50; ++i) {
    running.push_back(asio::co_spawn(asio::make_strand(f.pool.get_executor()),
                                     delivery.Deliver(Request(Mail(i, 10'000), recipients)),
                                     asio::use_future));
  }
  for (auto& one : running) {
    const auto replies = one.get();
    REQUIRE(replies.size() == 501);
    for (std::size_t i = 0; i < 500; ++i)
      REQUIRE(replies[i].code == 250);
    CHECK(replies[500].ToString() == "550 5.7.1 relaying denied");
  }
  CHECK(f.intake.accepted().size() == 50);
  CHECK(f.server->connections() <= limits::kDeliveriesAtOnceMax);
}

TEST_CASE("SMTP in and out: a limit of recipients is met in several transactions",
          "[ingress][delivery][smtp]") {
  ServerFixture f;
  f.intake.recipients_max = 100;
  f.Start();
  delivery::SmtpDelivery delivery(f.pool.get_executor(), To(f));
  std::vector<std::string> recipients;
  for (int i = 0; i < 250; ++i)
    recipients.push_back(Cat("r", i, "@own.example"));
  const auto replies =
      Await(f.pool.get_executor(), delivery.Deliver(Request(Mail(1, 1000), recipients)));
  REQUIRE(replies.size() == 250);
  for (const auto& reply : replies)
    CHECK(reply.ToString() == "250 2.0.0 accepted");
  CHECK(f.intake.accepted().size() == 3);
}

TEST_CASE("SMTP in and out: a server that stops is met with a 4xx or a new connection",
          "[ingress][delivery][smtp]") {
  ServerFixture f;
  f.Start();
  delivery::SmtpDelivery delivery(f.pool.get_executor(), To(f));
  const auto first =
      Await(f.pool.get_executor(), delivery.Deliver(Request(Mail(1, 100), {"r@own.example"})));
  CHECK(first.at(0).code == 250);
  f.server->Stop();
  CHECK(f.server->WaitIdle(std::chrono::seconds(5)));
  const auto second =
      Await(f.pool.get_executor(), delivery.Deliver(Request(Mail(2, 100), {"r@own.example"})));
  CHECK(second.at(0).ToString().starts_with("451 4.4.1 connect to 127.0.0.1:"));
}
