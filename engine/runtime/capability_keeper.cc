// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/capability_keeper.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "engine/base/limits.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

namespace penstock::runtime {

namespace asio = async::asio;

CapabilityKeeper::CapabilityKeeper(ports::Store& store, const ports::Clock& clock,
                                   ports::Random& random)
    : store_(store), clock_(clock), random_(random) {}

async::Task<void> CapabilityKeeper::Load() {
  auto keys = co_await store_.LoadCapabilityKeys();
  PENSTOCK_CO_RETURN_IF_ERROR(keys.status());
  co_return co_await Renew(*std::move(keys));
}

void CapabilityKeeper::SetTarget(std::string target) {
  const MutexLock lock(mutex_);
  target_ = std::move(target);
}

asio::awaitable<std::optional<ports::ContentAccess>> CapabilityKeeper::Grant(
    flow::Capability capability) {
  std::vector<flow::CapabilityKey> aged;
  {
    const MutexLock lock(mutex_);
    if (target_.empty() || keys_ == nullptr) co_return std::nullopt;
    if (!renewing_ && clock_.Now() - keys_->keys().front().made >= limits::kCapabilityKeyAge) {
      renewing_ = true;
      aged = keys_->keys();
    }
  }
  if (!aged.empty()) {
    const Status renewed = co_await Renew(std::move(aged));
    const MutexLock lock(mutex_);
    renewing_ = false;
    if (!renewed.ok()) {
      Log(LogLevel::kError, "capability_key_not_renewed",
          {{"error", std::string(Message(renewed))}});
    }
  }
  const MutexLock lock(mutex_);
  ports::ContentAccess access;
  access.target = target_;
  access.capability = keys_->Sign(capability);
  access.may_read = capability.may_read;
  access.may_replace = capability.may_replace;
  access.expire_time = capability.expire_time;
  co_return access;
}

std::uint64_t CapabilityKeeper::NewRun() {
  const RandomBytes bytes = random_.Bytes();
  std::uint64_t run = 0;
  std::memcpy(&run, bytes.data(), sizeof run);
  return run;
}

std::optional<flow::Capability> CapabilityKeeper::Verify(std::string_view token) const {
  std::shared_ptr<const flow::CapabilityKeys> keys;
  {
    const MutexLock lock(mutex_);
    keys = keys_;
  }
  return keys == nullptr ? std::nullopt : keys->Verify(token);
}

async::Task<void> CapabilityKeeper::Renew(std::vector<flow::CapabilityKey> keys) {
  const Time now = clock_.Now();
  ports::Transaction transaction;
  std::uint32_t last_id = 0;
  bool has_young = false;
  for (const flow::CapabilityKey& key : keys) {
    last_id = std::max(last_id, key.id);
    has_young |= now - key.made < limits::kCapabilityKeyAge;
  }
  if (!has_young) {
    std::string secret;
    for (int half = 0; half < 2; ++half) {
      const RandomBytes bytes = random_.Bytes();
      secret.append(bytes.begin(), bytes.end());
    }
    transaction.new_capability_keys.push_back({last_id + 1, std::move(secret), now});
  }
  const Milliseconds kept =
      limits::kCapabilityKeyAge + retention_.load() + limits::kCapabilityKeyGrace;
  std::erase_if(keys, [&](const flow::CapabilityKey& key) {
    const bool too_old = now - key.made >= kept;
    if (too_old) transaction.removed_capability_keys.push_back(key.id);
    return too_old;
  });
  keys.insert(keys.end(), transaction.new_capability_keys.begin(),
              transaction.new_capability_keys.end());
  const bool changed =
      !transaction.new_capability_keys.empty() || !transaction.removed_capability_keys.empty();
  if (changed) {
    const Status committed = co_await store_.Commit(std::move(transaction));
    PENSTOCK_CO_RETURN_IF_ERROR(committed);
  }
  auto next = std::make_shared<const flow::CapabilityKeys>(std::move(keys));
  const MutexLock lock(mutex_);
  keys_ = std::move(next);
  co_return OkStatus();
}

}  // namespace penstock::runtime
