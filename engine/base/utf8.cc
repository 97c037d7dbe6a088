// SPDX-License-Identifier: Apache-2.0
#include "engine/base/utf8.h"

#include <cstdint>

#include "engine/base/strings.h"

namespace penstock {

Utf8Piece FirstUtf8Piece(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return {1, true};
  if (lead < 0xc2 || lead > 0xf4) return {1, false};
  const std::size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  // RFC 3629 §4: the second octet's range excludes overlong forms, surrogates and what is over
  // U+10FFFF.
  std::uint8_t low = 0x80;
  std::uint8_t high = 0xbf;
  if (lead == 0xe0) low = 0xa0;
  if (lead == 0xed) high = 0x9f;
  if (lead == 0xf0) low = 0x90;
  if (lead == 0xf4) high = 0x8f;
  for (std::size_t i = 1; i < length; ++i) {
    if (i == text.size() || byte(i) < low || byte(i) > high) return {i, false};
    low = 0x80;
    high = 0xbf;
  }
  return {length, true};
}

std::string ToValidUtf8(std::string_view text) {
  if (IsValidUtf8(text)) return std::string(text);
  std::string out;
  out.reserve(text.size() + kReplacementCharacter.size());
  while (!text.empty()) {
    const Utf8Piece piece = FirstUtf8Piece(text);
    out.append(piece.valid ? text.substr(0, piece.octets) : kReplacementCharacter);
    text.remove_prefix(piece.octets);
  }
  return out;
}

std::string_view CutCodePoints(std::string_view text, std::size_t code_points_max) {
  if (text.size() <= code_points_max) return text;
  std::size_t end = 0;
  for (std::size_t count = 0; count < code_points_max && end < text.size(); ++count) {
    end += FirstUtf8Piece(text.substr(end)).octets;
  }
  return text.substr(0, end);
}

}  // namespace penstock
