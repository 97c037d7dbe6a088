// SPDX-License-Identifier: Apache-2.0
#include "engine/delivery/delivery_router.h"

#include <utility>

namespace penstock::delivery {

namespace asio = async::asio;

void DeliveryRouter::Replace(NextHops next_hops) {
  const MutexLock lock(mutex_);
  next_hops_.swap(next_hops);  // the old ones go after the lock
}

bool DeliveryRouter::Has(std::string_view next_hop) const {
  return Find(next_hop) != nullptr;
}

std::shared_ptr<ports::Delivery> DeliveryRouter::Find(std::string_view next_hop) const {
  const MutexLock lock(mutex_);
  const auto found = next_hops_.find(next_hop);
  return found == next_hops_.end() ? nullptr : found->second;
}

asio::awaitable<std::vector<mail::SmtpReply>> DeliveryRouter::Deliver(
    ports::DeliveryRequest request) {
  const std::shared_ptr<ports::Delivery> adapter = Find(request.next_hop);
  if (adapter == nullptr) {
    // RFC 3463 §3.4: X.3.5, system incorrectly configured.
    const mail::SmtpReply reply{
        451, {4, 3, 5}, Cat("no next hop \"", request.next_hop, "\" in the configuration")};
    co_return std::vector<mail::SmtpReply>(request.forward_paths.size(), reply);
  }
  co_return co_await adapter->Deliver(std::move(request));
}

}  // namespace penstock::delivery
