// SPDX-License-Identifier: Apache-2.0
#include "engine/delivery/delivery_router.h"

#include <utility>

namespace penstock::delivery {

namespace asio = async::asio;

asio::awaitable<std::vector<mail::SmtpReply>> DeliveryRouter::Deliver(
    ports::DeliveryRequest request) {
  const auto found = next_hops_.find(request.next_hop);
  if (found == next_hops_.end()) {
    // RFC 3463 §3.4: X.3.5, system incorrectly configured.
    const mail::SmtpReply reply{
        451, {4, 3, 5}, Cat("no next hop \"", request.next_hop, "\" in the configuration")};
    co_return std::vector<mail::SmtpReply>(request.forward_paths.size(), reply);
  }
  const std::shared_ptr<ports::Delivery> adapter = found->second;
  co_return co_await adapter->Deliver(std::move(request));
}

}  // namespace penstock::delivery
