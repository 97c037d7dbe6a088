// SPDX-License-Identifier: Apache-2.0
// The right to content calls for one message, as an octet string that only who has the key can make
// (SPEC P2). Pure: key octets, times and tokens in, values out.
//
//   token = body MAC
//   body  = version(1) key-id(4) attempt(4) flags(1) run(8) expire-time(8) message invocation hook
//           organization
//   MAC   = HMAC-SHA-256(secret, kCapabilityDomain body)       RFC 2104, RFC 4868 untruncated
//
// Numbers are big-endian; expire-time is milliseconds since 1970; each of the four names is one
// octet of length, then its octets; flags, from the lowest bit: ASYNC, OUTBOUND, may read, may
// replace, four zeros.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/time.h"
#include "engine/rules/flow_rule.h"

namespace penstock::flow {

// What the MAC begins with, so that no octets signed for another purpose are a capability.
inline constexpr std::string_view kCapabilityDomain{"penstock content capability\0", 28};

struct CapabilityKey {
  std::uint32_t id = 0;  // never used for another secret
  std::string secret;    // 32 octets, as many as SHA-256 gives (RFC 2104 §3)
  Time made;
  friend bool operator==(const CapabilityKey&, const CapabilityKey&) = default;
};

// What a hook may do with the content of the message it is asked about. Names have at most
// limits::kResourceNameOctetsMax octets.
struct Capability {
  MessageId message;
  InvocationId invocation;
  std::uint32_t attempt = 1;
  std::uint64_t run = 0;  // of the attempt: one that a crash cut off is repeated as another (H4)
  rules::InvocationMode mode = rules::InvocationMode::kSync;
  std::string hook;
  std::string organization;
  rules::FlowDirection direction = rules::FlowDirection::kInbound;
  bool may_read = false;
  bool may_replace = false;
  Time expire_time;  // when the content goes (M5)
  friend bool operator==(const Capability&, const Capability&) = default;
};

// The keys in force. Immutable; a rotation makes another.
class CapabilityKeys {
 public:
  // At least one, in any order.
  explicit CapabilityKeys(std::vector<CapabilityKey> keys);

  // Newest first.
  [[nodiscard]] const std::vector<CapabilityKey>& keys() const { return keys_; }

  // The capability as a token of at most limits::kCapabilityOctetsMax octets, by the newest key.
  [[nodiscard]] std::string Sign(const Capability& capability) const;

  // What `token` says, if one of the keys signed it; else nullopt, whatever is wrong with it. The
  // MAC is judged before anything else, in a time that does not depend on where it is wrong, and a
  // key that is not there takes as long as one that is. Whether it has expired is for the caller to
  // say: that is another answer (M3).
  [[nodiscard]] std::optional<Capability> Verify(std::string_view token) const;

 private:
  std::vector<CapabilityKey> keys_;
};

}  // namespace penstock::flow
