// SPDX-License-Identifier: Apache-2.0
// The keys that capabilities are signed with (P2), kept in the store: what a hook was given before
// a restart is good after it. A key signs for limits::kCapabilityKeyAge, then a new one does; one
// that nothing valid can name any more is removed.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/async/task.h"
#include "engine/base/limits.h"
#include "engine/base/mutex.h"
#include "engine/flow/capability.h"
#include "engine/ports/clock.h"
#include "engine/ports/hook_caller.h"
#include "engine/ports/store.h"

namespace penstock::runtime {

// Threads: safe from any.
class CapabilityKeeper {
 public:
  // All outlive it.
  CapabilityKeeper(ports::Store& store, const ports::Clock& clock, ports::Random& random);

  // Reads the keys, makes one if there is none or the newest is too old. Before anything else.
  //   Errors: the store's.
  async::Task<void> Load();

  // How long content stays (M5), and with it what a key has signed; at any time.
  void SetRetention(Milliseconds retention) { retention_ = retention; }

  // Where hooks find the content API, as a gRPC name. Until it is set, no hook gets at content.
  void SetTarget(std::string target);

  // The right that `capability` states, for its hook to carry. Nullopt: there is no content API.
  // Makes a new key first if the newest is too old; if the store fails, the old one goes on.
  async::asio::awaitable<std::optional<ports::ContentAccess>> Grant(flow::Capability capability);

  // A number for a run of an attempt, which no other run has, nor had before a restart.
  [[nodiscard]] std::uint64_t NewRun();

  // As flow::CapabilityKeys::Verify, by the keys of the moment.
  [[nodiscard]] std::optional<flow::Capability> Verify(std::string_view token) const;

 private:
  // Takes on `keys` and what they need: a new key, and without those that are too old.
  async::Task<void> Renew(std::vector<flow::CapabilityKey> keys);

  ports::Store& store_;
  const ports::Clock& clock_;
  ports::Random& random_;
  std::atomic<Milliseconds> retention_{limits::kContentRetention};
  mutable Mutex mutex_;
  std::string target_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const flow::CapabilityKeys> keys_ ABSL_GUARDED_BY(mutex_);  // null before Load
  bool renewing_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace penstock::runtime
