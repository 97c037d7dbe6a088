// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/content_lines.h"

#include <array>

#include "engine/base/strings.h"

namespace penstock::mail {
namespace {

constexpr std::array<std::uint8_t, 256> kFlags = [] {
  std::array<std::uint8_t, 256> flags{};
  for (unsigned octet = 0; octet < 256; ++octet) {
    const char c = static_cast<char>(octet);
    const bool base64 = IsAsciiAlpha(c) || IsAsciiDigit(c) || c == '+' || c == '/' || c == '=' ||
                        c == ' ' || c == '\t' || c == '\r';
    flags[octet] = base64 ? 0 : kOctetNotBase64;
    if (octet == 0) flags[octet] |= kOctetNul;
    if (c == '\r') flags[octet] |= kOctetCr;
    if (octet >= 0x80) flags[octet] |= kOctetEightBit;
  }
  return flags;
}();

}  // namespace

std::uint8_t OctetsOf(std::string_view text) {
  std::uint8_t flags = 0;
  for (const char c : text)
    flags |= kFlags[static_cast<unsigned char>(c)];
  return flags;
}

void ContentLines::TakeWhole(std::string_view line, std::size_t kept_max) {
  line_.end_octets = 1;
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
    line_.end_octets = 2;
  }
  line_.start = line.substr(0, kept_max);
  line_.octets = line.size();
  line_.flags = OctetsOf(line);
}

void ContentLines::AddPiece(std::string_view octets, std::size_t kept_max) {
  if (octets.empty()) return;
  if (cr_) AddOctets("\r", kept_max);
  cr_ = octets.ends_with('\r');
  if (cr_) octets.remove_suffix(1);
  AddOctets(octets, kept_max);
}

void ContentLines::AddOctets(std::string_view octets, std::size_t kept_max) {
  line_.octets += octets.size();
  line_.flags |= OctetsOf(octets);
  if (kept_.size() < kept_max) kept_.append(octets.substr(0, kept_max - kept_.size()));
}

void ContentLines::Next() {
  line_ = {.number = line_.number + 1, .offset = line_.next_offset()};
  kept_.clear();
}

}  // namespace penstock::mail
