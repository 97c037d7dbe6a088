// SPDX-License-Identifier: Apache-2.0
// The input is a token, then a body that is signed here as only the holder of the key could. The
// token is refused; what the body says, if it is one, signs to the same octets again (P2).
// Covers: engine/flow/capability.cc
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/flow/capability.h"

using namespace penstock::flow;  // NOLINT(google-build-using-namespace)

namespace {

CapabilityKey MakeKey(std::uint8_t fill) {
  return {fill, std::string(32, static_cast<char>(fill)), penstock::FromUnixMillis(fill)};
}

std::string Signed(const CapabilityKey& key, std::string body) {
  const std::string text = std::string(kCapabilityDomain) + body;
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int octets = 0;
  PENSTOCK_CHECK(HMAC(EVP_sha256(), key.secret.data(), static_cast<int>(key.secret.size()),
                      reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac,
                      &octets) != nullptr);
  return body.append(reinterpret_cast<const char*>(mac), octets);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const std::vector<CapabilityKey> all{MakeKey(9), MakeKey(1)};
  const CapabilityKeys keys(all);
  PENSTOCK_CHECK(!keys.Verify(input));

  // The key's id is put in its place: a body without it is refused before it is read.
  std::string body = input;
  const CapabilityKey& key = all[0];
  if (body.size() > 4) body.replace(1, 4, std::string({0, 0, 0, static_cast<char>(key.id)}));
  const std::string token = Signed(key, body);
  const auto capability = keys.Verify(token);
  if (!capability) return 0;
  PENSTOCK_CHECK(token.size() <= penstock::limits::kCapabilityOctetsMax);
  PENSTOCK_CHECK(keys.Sign(*capability) == token);
  std::string forged = token;
  forged[size % forged.size()] ^= 1;
  PENSTOCK_CHECK(!keys.Verify(forged));
  PENSTOCK_CHECK(!CapabilityKeys({all[1]}).Verify(token));
  return 0;
}
