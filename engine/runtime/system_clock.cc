// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/system_clock.h"

#include <cstring>

#include <sys/random.h>

#include "engine/base/check.h"

namespace penstock::runtime {

Time SystemClock::Now() const {
  return std::chrono::floor<Milliseconds>(std::chrono::system_clock::now());
}

RandomBytes SystemRandom::Bytes() {
  RandomBytes bytes{};
  // Up to 256 octets come whole, once the kernel's pool is ready (getrandom(2)).
  PENSTOCK_CHECK(getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  return bytes;
}

double SystemRandom::Chance() {
  const RandomBytes bytes = Bytes();
  std::uint64_t number = 0;
  std::memcpy(&number, bytes.data(), sizeof number);
  return static_cast<double>(number >> 11U) * 0x1.0p-53;
}

}  // namespace penstock::runtime
