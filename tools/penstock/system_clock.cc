// SPDX-License-Identifier: Apache-2.0
#include "tools/penstock/system_clock.h"

#include <chrono>
#include <random>

namespace penstock::cli {
namespace {

RandomBytes FreshBytes() {
  std::random_device device;
  RandomBytes bytes{};
  for (std::uint8_t& byte : bytes)
    byte = static_cast<std::uint8_t>(device());
  return bytes;
}

}  // namespace

Time SystemClock::Now() const {
  return std::chrono::time_point_cast<Time::duration>(std::chrono::system_clock::now());
}

MessageId FreshMessageId() {
  return MessageId(FormatUuid(FreshBytes()));
}

InvocationId FreshInvocationId() {
  return InvocationId(FormatHex(FreshBytes()));
}

}  // namespace penstock::cli
