// SPDX-License-Identifier: Apache-2.0
// A delivery by SMTP to a scripted server.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/thread_pool.hpp>
#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "engine/delivery/smtp_delivery.h"
#include "tests/support/await.h"
#include "tests/support/memory_content.h"
#include "tests/support/smtp_peer.h"

namespace penstock::tests {

inline constexpr char kTrace[] = "Received: by penstock\r\n";
inline constexpr char kMail[] = "From: a@a.example\r\nSubject: s\r\n\r\nbody\r\n";

inline delivery::SmtpDeliveryOptions Options(std::uint16_t port) {
  delivery::SmtpDeliveryOptions options;
  options.endpoint.host = "127.0.0.1";
  options.endpoint.port = port;
  options.client.helo_name = "penstock.example";
  options.client.connect_timeout = std::chrono::seconds(2);
  options.client.reply_timeout = std::chrono::seconds(2);
  options.client.data_block_timeout = std::chrono::seconds(2);
  options.client.data_reply_timeout = std::chrono::seconds(2);
  options.marking = {{"X-Spam-Flag", "YES"}, {"X-No-Scan", "yes"}};
  return options;
}

inline ports::DeliveryRequest Request(std::vector<std::string> forward_paths = {"r@own.example"},
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
struct SmtpFixture {
  explicit SmtpFixture(std::vector<SmtpPeerScript> scripts = {{}})
      : SmtpFixture(std::move(scripts), [](delivery::SmtpDeliveryOptions&) {}) {}

  template <class Change>
  SmtpFixture(std::vector<SmtpPeerScript> scripts, Change change) : peer(std::move(scripts)) {
    delivery::SmtpDeliveryOptions options = Options(peer.port());
    change(options);
    delivery = std::make_unique<delivery::SmtpDelivery>(pool.get_executor(), std::move(options));
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
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    FAIL("a connection is still open");
    return {};
  }

  SmtpPeer peer;
  boost::asio::thread_pool pool{2};
  std::unique_ptr<delivery::SmtpDelivery> delivery;
};

inline SmtpPeerScript Script(std::map<std::string, std::vector<std::string>> replies) {
  SmtpPeerScript script;
  script.replies = std::move(replies);
  return script;
}

using Lines = std::vector<std::string>;

inline constexpr char kPlainEhlo[] = "250 peer";

}  // namespace penstock::tests
