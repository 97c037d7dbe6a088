// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/xtext.h"

#include <algorithm>
#include <cstddef>

#include "engine/base/strings.h"

namespace penstock::mail {
namespace {

constexpr std::string_view kHex = "0123456789ABCDEF";

}  // namespace

std::optional<std::string> DecodeXtext(std::string_view xtext) {
  std::string text;
  for (std::size_t i = 0; i < xtext.size(); ++i) {
    if (xtext[i] != '+') {
      text += xtext[i];
      continue;
    }
    if (i + 2 >= xtext.size()) return std::nullopt;
    const auto high = kHex.find(xtext[i + 1]);
    const auto low = kHex.find(xtext[i + 2]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    text += static_cast<char>(high * 16 + low);
    i += 2;
  }
  const bool printable = std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  return printable && IsValidUtf8(text) ? std::optional(text) : std::nullopt;
}

std::string EncodeXtext(std::string_view text) {
  std::string xtext;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet > 0x20 && octet < 0x7f && c != '+' && c != '=') {
      xtext += c;
    } else {
      xtext += '+';
      xtext += kHex[octet >> 4U];
      xtext += kHex[octet & 15U];
    }
  }
  return xtext;
}

}  // namespace penstock::mail
