// SPDX-License-Identifier: Apache-2.0
#include "engine/base/strings.h"

#include <algorithm>
#include <cstdint>

#include "engine/base/utf8.h"

namespace penstock {

namespace strings_internal {

void AppendPieces(std::string& out, std::initializer_list<std::string_view> pieces) {
  std::size_t octets = out.size();
  for (const auto piece : pieces)
    octets += piece.size();
  if (octets > out.capacity()) out.reserve(std::max(octets, 2 * out.capacity()));
  for (const auto piece : pieces)
    out.append(piece);
}

}  // namespace strings_internal

std::string AsciiLower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    c = AsciiLower(c);
  return out;
}

bool EqualsIgnoreAsciiCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return AsciiLower(x) == AsciiLower(y);
         });
}

bool StartsWithIgnoreAsciiCase(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() &&
         EqualsIgnoreAsciiCase(text.substr(0, prefix.size()), prefix);
}

std::string_view TrimAsciiSpace(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  for (;;) {
    const auto at = text.find(separator);
    pieces.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return pieces;
    text.remove_prefix(at + 1);
  }
}

std::string Join(const std::vector<std::string>& pieces, std::string_view separator) {
  std::string out;
  for (const auto& piece : pieces) {
    if (!out.empty() || &piece != pieces.data()) out.append(separator);
    out.append(piece);
  }
  return out;
}

std::string Printable(std::string_view text, std::size_t octets_max) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  while (!text.empty()) {
    const Utf8Piece piece = FirstUtf8Piece(text);
    const auto byte = static_cast<unsigned char>(text.front());
    if (out.size() + piece.octets > octets_max) return out + "...";
    if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    } else if (piece.valid) {
      out.append(text.substr(0, piece.octets));
    } else {
      out += '?';
    }
    text.remove_prefix(piece.octets);
  }
  return out;
}

bool IsAscii(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

bool IsValidUtf8(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  for (std::size_t i = 0; i < text.size();) {
    const std::uint8_t lead = byte(i);
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xc2 ? 0
                               : lead < 0xe0 ? 2
                               : lead < 0xf0 ? 3
                               : lead < 0xf5 ? 4
                                             : 0;
    if (length == 0 || i + length > text.size()) return false;
    for (std::size_t k = 1; k < length; ++k) {
      if ((byte(i + k) & 0xc0U) != 0x80) return false;
    }
    if (length > 2) {  // RFC 3629 §3: no overlong forms, no surrogates, nothing over U+10FFFF
      const std::uint8_t second = byte(i + 1);
      if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second >= 0xa0) ||
          (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second >= 0x90)) {
        return false;
      }
    }
    i += length;
  }
  return true;
}

}  // namespace penstock
