// SPDX-License-Identifier: Apache-2.0
// Delivery into Maildirs of this machine, one file for each recipient. What is to go to the junk
// folder goes to ".Junk" below the recipient's Maildir (Maildir++).
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "engine/async/task.h"
#include "engine/base/limits.h"
#include "engine/delivery/maildir_path.h"
#include "engine/delivery/outgoing_content.h"
#include "engine/ports/clock.h"
#include "engine/ports/delivery.h"

namespace penstock::delivery {

struct MaildirDeliveryOptions {
  MaildirPath path;
  std::string host_name;  // ours, in names of files
  MarkingFields marking;
  // Puts a Return-Path field on top (RFC 5321 §4.4). Off: mail leaves as it came but for trace
  // field and marking (M7).
  bool return_path = false;
  std::size_t deliveries_at_once = limits::kDeliveriesAtOnceMax;
};

class MaildirDelivery final : public ports::Delivery {
 public:
  // `clock` and `random` outlive the object and the deliveries that run.
  MaildirDelivery(MaildirDeliveryOptions options, const ports::Clock& clock, ports::Random& random);
  MaildirDelivery(const MaildirDelivery&) = delete;
  MaildirDelivery& operator=(const MaildirDelivery&) = delete;
  ~MaildirDelivery() override;

  // The disk is waited for on a thread of its own, never on the caller's.
  async::asio::awaitable<std::vector<mail::SmtpReply>> Deliver(
      ports::DeliveryRequest request) override;

 private:
  class Folders;

  std::shared_ptr<Folders> folders_;  // shared with the deliveries that run
};

}  // namespace penstock::delivery
