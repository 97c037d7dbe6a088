// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/capability.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/flow/mac.h"

namespace penstock::flow {
namespace {

constexpr std::uint8_t kVersion = 1;

enum Flag : std::uint8_t {
  kAsync = 1U << 0U,
  kOutbound = 1U << 1U,
  kMayRead = 1U << 2U,
  kMayReplace = 1U << 3U,
};

constexpr std::uint8_t kFlags = kAsync | kOutbound | kMayRead | kMayReplace;

template <class Int>
void AppendNumber(std::string& out, Int number) {
  for (int shift = (sizeof number - 1) * 8; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(static_cast<std::uint8_t>(number >> shift)));
}

void AppendName(std::string& out, std::string_view name) {
  PENSTOCK_CHECK(name.size() <= std::numeric_limits<std::uint8_t>::max());
  out.push_back(static_cast<char>(name.size()));
  out.append(name);
}

// Reads from the front of a body; after a fault everything reads as empty.
class Reader {
 public:
  explicit Reader(std::string_view body) : left_(body) {}

  std::string_view Octets(std::size_t count) {
    if (count > left_.size()) {
      ok_ = false;
      left_ = {};
      return {};
    }
    const std::string_view octets = left_.substr(0, count);
    left_.remove_prefix(count);
    return octets;
  }

  template <class Int>
  Int Number() {
    Int number = 0;
    for (const char octet : Octets(sizeof(Int)))
      number = static_cast<Int>((number << 8U) | static_cast<std::uint8_t>(octet));
    return number;
  }

  std::string Name() { return std::string(Octets(Number<std::uint8_t>())); }

  // Whether all was there, and nothing is left.
  [[nodiscard]] bool Complete() const { return ok_ && left_.empty(); }

 private:
  std::string_view left_;
  bool ok_ = true;
};

std::optional<Capability> Parse(std::string_view body) {
  Reader reader(body);
  const auto version = reader.Number<std::uint8_t>();
  reader.Number<std::uint32_t>();  // the key's id
  Capability capability;
  capability.attempt = reader.Number<std::uint32_t>();
  const auto flags = reader.Number<std::uint8_t>();
  capability.run = reader.Number<std::uint64_t>();
  capability.expire_time =
      FromUnixMillis(static_cast<std::int64_t>(reader.Number<std::uint64_t>()));
  capability.message = MessageId(reader.Name());
  capability.invocation = InvocationId(reader.Name());
  capability.hook = reader.Name();
  capability.organization = reader.Name();
  if (!reader.Complete() || version != kVersion || (flags & ~kFlags) != 0) return std::nullopt;
  capability.mode =
      (flags & kAsync) != 0 ? rules::InvocationMode::kAsync : rules::InvocationMode::kSync;
  capability.direction =
      (flags & kOutbound) != 0 ? rules::FlowDirection::kOutbound : rules::FlowDirection::kInbound;
  capability.may_read = (flags & kMayRead) != 0;
  capability.may_replace = (flags & kMayReplace) != 0;
  return capability;
}

}  // namespace

CapabilityKeys::CapabilityKeys(std::vector<CapabilityKey> keys) : keys_(std::move(keys)) {
  PENSTOCK_CHECK(!keys_.empty());
  std::stable_sort(keys_.begin(), keys_.end(),
                   [](const CapabilityKey& a, const CapabilityKey& b) { return a.made > b.made; });
}

std::string CapabilityKeys::Sign(const Capability& capability) const {
  const CapabilityKey& key = keys_.front();
  std::string token;
  token.push_back(static_cast<char>(kVersion));
  AppendNumber(token, key.id);
  AppendNumber(token, capability.attempt);
  std::uint8_t flags = 0;
  if (capability.mode == rules::InvocationMode::kAsync) flags |= kAsync;
  if (capability.direction == rules::FlowDirection::kOutbound) flags |= kOutbound;
  if (capability.may_read) flags |= kMayRead;
  if (capability.may_replace) flags |= kMayReplace;
  AppendNumber(token, flags);
  AppendNumber(token, capability.run);
  AppendNumber(token, static_cast<std::uint64_t>(ToUnixMillis(capability.expire_time)));
  AppendName(token, capability.message.text());
  AppendName(token, capability.invocation.text());
  AppendName(token, capability.hook);
  AppendName(token, capability.organization);
  const Mac mac = MacOf(key.secret, kCapabilityDomain, token);
  token.append(reinterpret_cast<const char*>(mac.data()), mac.size());
  PENSTOCK_CHECK(token.size() <= limits::kCapabilityOctetsMax);
  return token;
}

std::optional<Capability> CapabilityKeys::Verify(std::string_view token) const {
  if (token.size() < kMacOctets || token.size() > limits::kCapabilityOctetsMax) return std::nullopt;
  const std::string_view body = token.substr(0, token.size() - kMacOctets);
  const std::string_view mac = token.substr(body.size());
  Reader reader(body);
  reader.Number<std::uint8_t>();  // the version
  const auto id = reader.Number<std::uint32_t>();
  // A key that is not there costs as much as one that is: the first stands in for it, and the
  // answer is no whatever the MAC.
  const auto named =
      std::find_if(keys_.begin(), keys_.end(), [id](const auto& key) { return key.id == id; });
  const bool known = named != keys_.end();
  const CapabilityKey& key = known ? *named : keys_.front();
  const Mac right = MacOf(key.secret, kCapabilityDomain, body);
  const bool genuine = IsMac(mac, right);
  if (!genuine || !known) return std::nullopt;
  return Parse(body);
}

}  // namespace penstock::flow
