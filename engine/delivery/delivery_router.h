// SPDX-License-Identifier: Apache-2.0
// Hands each delivery to the adapter of its next hop.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "engine/async/task.h"
#include "engine/base/mutex.h"
#include "engine/base/strings.h"
#include "engine/ports/delivery.h"

namespace penstock::delivery {

class DeliveryRouter final : public ports::Delivery {
 public:
  using NextHops = StringMap<std::shared_ptr<ports::Delivery>>;  // by name

  // What a reload replaces. A delivery that runs keeps its adapter alive.
  void Replace(NextHops next_hops);

  // A next hop that is not configured (any more) is 451 4.3.5: mail waits until it is.
  async::asio::awaitable<std::vector<mail::SmtpReply>> Deliver(
      ports::DeliveryRequest request) override;

  [[nodiscard]] bool Has(std::string_view next_hop) const;

 private:
  [[nodiscard]] std::shared_ptr<ports::Delivery> Find(std::string_view next_hop) const;

  mutable Mutex mutex_;
  NextHops next_hops_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace penstock::delivery
