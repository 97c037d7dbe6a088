// SPDX-License-Identifier: Apache-2.0
#include "engine/base/ids.h"

#include "engine/base/strings.h"

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

std::optional<RandomBytes> ParseUuid(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  RandomBytes bytes{};
  std::size_t digits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (c != '-') return std::nullopt;
      continue;
    }
    const bool is_digit = IsAsciiDigit(c);
    if (!is_digit && (c < 'a' || c > 'f')) return std::nullopt;
    const unsigned value = static_cast<unsigned>(is_digit ? c - '0' : c - 'a' + 10);
    bytes[digits / 2] =
        static_cast<std::uint8_t>(static_cast<unsigned>(bytes[digits / 2]) << 4U | value);
    ++digits;
  }
  return bytes;
}

}  // namespace penstock
