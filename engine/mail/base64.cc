// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/base64.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "engine/base/strings.h"

namespace penstock::mail {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::optional<std::uint32_t> Sextet(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<std::uint32_t>(c - 'A');
  if (c >= 'a' && c <= 'z') return static_cast<std::uint32_t>(c - 'a' + 26);
  if (IsAsciiDigit(c)) return static_cast<std::uint32_t>(c - '0' + 52);
  if (c == '+') return 62;
  if (c == '/') return 63;
  return std::nullopt;
}

}  // namespace

std::string EncodeBase64(std::string_view octets) {
  std::string out;
  out.reserve((octets.size() + 2) / 3 * 4);
  for (; !octets.empty(); octets.remove_prefix(std::min<std::size_t>(3, octets.size()))) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      group = (group << 8U) | (i < octets.size() ? static_cast<unsigned char>(octets[i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i)
      out += i > octets.size() ? '=' : kAlphabet[(group >> (18 - 6 * i)) & 63U];
  }
  return out;
}

std::string EncodeBase64Lines(std::string_view octets) {
  constexpr std::size_t kLineOctets = 57;  // 76 characters
  std::string out;
  for (; !octets.empty(); octets.remove_prefix(std::min(kLineOctets, octets.size())))
    Append(out, EncodeBase64(octets.substr(0, kLineOctets)), "\r\n");
  return out;
}

std::optional<std::string> DecodeBase64(std::string_view text) {
  std::string out;
  out.reserve(text.size() / 4 * 3);
  std::uint32_t bits = 0;
  unsigned count = 0;
  bool padded = false;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
    if (c == '=') {
      padded = true;
      continue;
    }
    const auto sextet = Sextet(c);
    if (!sextet || padded) return std::nullopt;
    bits = (bits << 6U) | *sextet;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>((bits >> count) & 0xffU);
    bits &= (1U << count) - 1;
  }
  if (count == 6) return std::nullopt;
  return out;
}

}  // namespace penstock::mail
