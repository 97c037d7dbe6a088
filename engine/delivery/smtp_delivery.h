// SPDX-License-Identifier: Apache-2.0
// Delivery to one mail server by SMTP or LMTP (A1, A2, A8). Connections are kept for a few seconds
// and used again; at most so many are open at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "engine/async/endpoint.h"
#include "engine/async/task.h"
#include "engine/base/limits.h"
#include "engine/delivery/outgoing_content.h"
#include "engine/delivery/smtp_client.h"
#include "engine/ports/delivery.h"

namespace penstock::delivery {

struct SmtpDeliveryOptions {
  async::Endpoint endpoint;  // its addresses are tried in turn
  // Taken instead, in this order and within the same attempt, while those before cannot be reached
  // or refuse the session; for a while after that they are taken at once.
  std::vector<async::Endpoint> fallbacks;
  SmtpClientOptions client;  // an empty `tls_name`: the host of the endpoint
  MarkingFields marking;
  std::size_t deliveries_at_once = limits::kDeliveriesAtOnceMax;
  Milliseconds server_rest = limits::kServerRest;
  Milliseconds connection_idle = limits::kConnectionIdle;
  Milliseconds connection_age_max = limits::kConnectionAgeMax;
};

class SmtpDelivery final : public ports::Delivery {
 public:
  // `executor`: of a thread pool, no strand; its context outlives the object.
  SmtpDelivery(async::Executor executor, SmtpDeliveryOptions options);
  SmtpDelivery(const SmtpDelivery&) = delete;
  SmtpDelivery& operator=(const SmtpDelivery&) = delete;
  // Closes idle connections. Deliveries that run end by themselves; they do not need the object.
  ~SmtpDelivery() override;

  // A server that refuses the session (greeting, EHLO or LHLO) says nothing about the message: that
  // is a 4xx whatever its code, as with Postfix, so that a next hop set up wrong bounces no mail.
  async::asio::awaitable<std::vector<mail::SmtpReply>> Deliver(
      ports::DeliveryRequest request) override;

 private:
  class Connections;

  std::shared_ptr<Connections> connections_;
};

}  // namespace penstock::delivery
