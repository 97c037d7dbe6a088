// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/capability.h"

#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/base/limits.h"
#include "tests/support/vectors.h"

namespace penstock::flow {
namespace {

using tests::Json;

std::string FromHex(const std::string& text) {
  std::string octets;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    octets.push_back(static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16)));
  return octets;
}

CapabilityKeys KeysOf(const Json& json) {
  std::vector<CapabilityKey> keys;
  for (const Json& key : json) {
    keys.push_back({key.at("id"), FromHex(key.at("secret")),
                    FromUnixMillis(key.at("made").get<std::int64_t>())});
  }
  return CapabilityKeys(std::move(keys));
}

Capability CapabilityOf(const Json& json) {
  Capability capability;
  capability.message = MessageId(json.at("message"));
  capability.invocation = InvocationId(json.at("invocation"));
  capability.attempt = json.at("attempt");
  capability.run = std::stoull(json.at("run").get<std::string>(), nullptr, 16);
  capability.mode =
      json.at("mode") == "ASYNC" ? rules::InvocationMode::kAsync : rules::InvocationMode::kSync;
  capability.hook = json.at("hook");
  capability.organization = json.at("organization");
  capability.direction = json.at("direction") == "OUTBOUND" ? rules::FlowDirection::kOutbound
                                                            : rules::FlowDirection::kInbound;
  capability.may_read = json.at("may_read");
  capability.may_replace = json.at("may_replace");
  capability.expire_time = FromUnixMillis(json.at("expire_time").get<std::int64_t>());
  return capability;
}

}  // namespace

TEST_CASE("Capability: vectors", "[flow][capability][P2]") {
  for (const tests::Vector& v : tests::LoadVectors("flow/capability.json")) {
    DYNAMIC_SECTION(v.name) {
      const CapabilityKeys keys = KeysOf(v.input.at("keys"));
      const std::string token = FromHex(v.input.at("token"));
      const auto capability = keys.Verify(token);
      REQUIRE(capability.has_value() == !v.want.is_null());
      if (!capability) return;
      CHECK(*capability == CapabilityOf(v.want));
      if (v.input.contains("signs")) CHECK(keys.Sign(*capability) == token);
    }
  }
}

TEST_CASE("Capability: no octet of a token can be changed, left out or added",
          "[flow][capability][P2]") {
  const auto vectors = tests::LoadVectors("flow/capability.json");
  const CapabilityKeys keys = KeysOf(vectors.front().input.at("keys"));
  const std::string token = FromHex(vectors.front().input.at("token"));
  REQUIRE(keys.Verify(token));
  for (std::size_t i = 0; i < token.size(); ++i) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string changed = token;
      changed[i] = static_cast<char>(static_cast<std::uint8_t>(changed[i]) ^ (1U << bit));
      CHECK(!keys.Verify(changed));
    }
    CHECK(!keys.Verify(std::string(token).erase(i, 1)));
    CHECK(!keys.Verify(std::string(token).insert(i, 1, '\0')));
    CHECK(!keys.Verify(token.substr(0, i)));
  }
}

TEST_CASE("Capability: each field alone makes another token", "[flow][capability][P2]") {
  const auto vectors = tests::LoadVectors("flow/capability.json");
  const CapabilityKeys keys = KeysOf(vectors.front().input.at("keys"));
  const Capability base = CapabilityOf(vectors.front().want);
  std::vector<Capability> others(11, base);
  others[0].message = MessageId("another");
  others[1].invocation = InvocationId("another");
  others[2].attempt = 2;
  others[3].mode = rules::InvocationMode::kAsync;
  others[4].hook += "2";
  others[5].organization += "2";
  others[6].direction = rules::FlowDirection::kOutbound;
  others[7].may_read = false;
  others[8].may_replace = true;
  others[9].expire_time += Milliseconds(1);
  others[10].run ^= 1U;
  std::set<std::string> tokens{keys.Sign(base)};
  for (const Capability& other : others) {
    const std::string token = keys.Sign(other);
    CHECK(tokens.insert(token).second);
    CHECK(keys.Verify(token) == other);
  }
  Capability longest = base;
  longest.hook = longest.organization = std::string(limits::kResourceNameOctetsMax, 'x');
  CHECK(keys.Sign(longest).size() <= limits::kCapabilityOctetsMax);
}

}  // namespace penstock::flow
