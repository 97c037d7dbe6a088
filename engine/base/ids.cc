// SPDX-License-Identifier: Apache-2.0
#include "engine/base/ids.h"

namespace penstock {

std::string FormatHex(const RandomBytes& bytes) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  out.reserve(2 * bytes.size());
  for (const std::uint8_t byte : bytes) {
    out += kHex[byte >> 4U];
    out += kHex[byte & 15U];
  }
  return out;
}

std::string FormatUuid(const RandomBytes& bytes) {
  RandomBytes uuid = bytes;
  uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0fU) | 0x40U);  // version 4
  uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3fU) | 0x80U);  // variant 10
  std::string out = FormatHex(uuid);
  for (const std::size_t at : {20U, 16U, 12U, 8U})
    out.insert(at, 1, '-');
  return out;
}

}  // namespace penstock
