// SPDX-License-Identifier: Apache-2.0
// A next hop that is a function of the embedding program's.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "engine/async/limiter.h"
#include "engine/embed/engine.h"
#include "engine/ports/delivery.h"

namespace penstock::embed {

// Calls something of the embedding program's: marks the thread for as long as it takes. What it
// throws ends the process.
void CallOut(const std::function<void()>& call) noexcept;

// Whether this thread is in a CallOut, so that nobody may wait on it for the engine.
bool IsCalledOut();

class OwnDelivery final : public ports::Delivery {
 public:
  explicit OwnDelivery(penstock::Deliver deliver);

  // What has no answer within limits::kOwnDeliveryDeadline is 451, as is one that is no answer.
  async::asio::awaitable<std::vector<mail::SmtpReply>> Deliver(
      ports::DeliveryRequest request) override;

 private:
  const penstock::Deliver deliver_;
  async::Limiter turns_;
};

}  // namespace penstock::embed
