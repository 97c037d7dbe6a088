// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/mac.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>

#include "engine/base/check.h"
#include "engine/base/strings.h"

namespace penstock::flow {

Mac MacOf(std::string_view secret, std::string_view domain, std::string_view body) {
  const std::string text = Cat(domain, body);
  Mac mac{};
  unsigned int octets = 0;
  PENSTOCK_CHECK(HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
                      reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.data(),
                      &octets) != nullptr);
  PENSTOCK_CHECK(octets == mac.size());
  return mac;
}

bool IsMac(std::string_view mac, const Mac& right) {
  return mac.size() == right.size() && CRYPTO_memcmp(mac.data(), right.data(), right.size()) == 0;
}

}  // namespace penstock::flow
