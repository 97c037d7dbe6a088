// SPDX-License-Identifier: Apache-2.0
// One attempt to hand a message to a next hop (A1, A2, A8). Adapters: engine/delivery.
// Fake: tests/support/fake_delivery.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/async/task.h"
#include "engine/flow/message_state.h"
#include "engine/mail/envelope.h"
#include "engine/mail/smtp_reply.h"
#include "engine/ports/store.h"

namespace penstock::ports {

struct DeliveryRequest {
  std::string next_hop;  // its name in the configuration
  MessageId message;     // for names of files and the log
  std::string reverse_path;
  std::vector<std::string> forward_paths;  // at least one
  // One for each forward path, or none: it is in an owned domain, and the message inbound. What it
  // has behind a "+" may be a marking there (A1).
  std::vector<bool> owned;
  bool smtputf8 = false;
  bool body_8bit = false;
  mail::MessageDsn dsn;  // goes on to a next hop that offers DSN (RFC 3461 §5.2)
  std::vector<mail::RecipientDsn> recipients_dsn;  // one for each forward path, or none
  mail::ClientInfo client;  // goes on to a next hop that offers XFORWARD; of a bounce nothing
  flow::Marking marking = flow::Marking::kNone;
  std::string trace_field;  // our Received field, whole, with its CRLF; goes above the content
  std::shared_ptr<ContentReader> content;
};

class Delivery {
 public:
  virtual ~Delivery() = default;

  // Returns one reply for each forward path, in order: 2xx taken for good, 4xx try again later, 5xx
  // refused for good. What never reached the next hop (no connection, no reply in time, an unknown
  // name) is a 4xx of ours with text that says so. After a 2xx the next hop alone is responsible;
  // its reply's `hand_over` says who tells a sender that asked to be told.
  //   Threads: safe from any.
  virtual async::asio::awaitable<std::vector<mail::SmtpReply>> Deliver(DeliveryRequest request) = 0;
};

}  // namespace penstock::ports
