// SPDX-License-Identifier: Apache-2.0
// How many octets of messages come in at a time, over all connections of all listeners: each takes
// its share as it reads, and gives it back when its message is accepted or refused.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "engine/base/limits.h"

namespace penstock::ingress {

// Threads: safe from any.
class IncomingOctets {
 public:
  // From now on so many may come in; what is coming in stays.
  void SetMax(std::uint64_t max) { max_ = max; }

  // Whether so many more would have room now.
  [[nodiscard]] bool HasRoom(std::uint64_t octets) const {
    const std::uint64_t taken = taken_;
    const std::uint64_t max = max_;
    return taken <= max && octets <= max - taken;
  }

  // What one message has taken. Threads: one at a time.
  class Share {
   public:
    explicit Share(std::shared_ptr<IncomingOctets> all) : all_(std::move(all)) {}

    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    ~Share() { Release(); }

    bool Take(std::uint64_t octets) {
      if (all_->taken_.fetch_add(octets) + octets > all_->max_) {
        all_->taken_ -= octets;
        return false;
      }
      octets_ += octets;
      return true;
    }

    void Release() { all_->taken_ -= std::exchange(octets_, 0); }

   private:
    std::shared_ptr<IncomingOctets> all_;
    std::uint64_t octets_ = 0;
  };

 private:
  std::atomic<std::uint64_t> max_{limits::kIncomingOctetsMax};
  std::atomic<std::uint64_t> taken_{0};
};

}  // namespace penstock::ingress
