// SPDX-License-Identifier: Apache-2.0
// Hands each delivery to the adapter of its next hop.
#pragma once

#include <memory>
#include <vector>

#include "engine/async/task.h"
#include "engine/base/strings.h"
#include "engine/ports/delivery.h"

namespace penstock::delivery {

class DeliveryRouter final : public ports::Delivery {
 public:
  // By name of the next hop. Immutable; a delivery that runs keeps its adapter alive.
  explicit DeliveryRouter(StringMap<std::shared_ptr<ports::Delivery>> next_hops)
      : next_hops_(std::move(next_hops)) {}

  // A next hop that is not configured (any more) is 451 4.3.5: mail waits until it is.
  async::asio::awaitable<std::vector<mail::SmtpReply>> Deliver(
      ports::DeliveryRequest request) override;

 private:
  const StringMap<std::shared_ptr<ports::Delivery>> next_hops_;
};

}  // namespace penstock::delivery
