// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/quoted_printable.h"

#include <cstddef>

#include "engine/base/strings.h"
#include "engine/mail/header_line.h"

namespace penstock::mail {
namespace {

constexpr std::size_t kLineOctetsMax = 76;  // RFC 2045 §6.7 (5), without CRLF

void AppendLine(std::string_view line, std::string& out) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::size_t octets = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (octets + 3 > kLineOctetsMax - 1) {  // no room for an encoded octet and the break itself
      out += "=\r\n";
      octets = 0;
    }
    const auto octet = static_cast<unsigned char>(line[i]);
    const bool space_inside = octet == ' ' && i + 1 < line.size();
    // A dot or "From " at the start of a line is for some servers more than text.
    const bool odd_start = octets == 0 && (octet == '.' || octet == 'F');
    const bool plain = space_inside || (octet > ' ' && octet < 0x7f && octet != '=' && !odd_start);
    octets += plain ? 1 : 3;
    if (plain) {
      out += line[i];
    } else {
      out += '=';
      out += kHex[octet >> 4U];
      out += kHex[octet & 15U];
    }
  }
  out += "\r\n";
}

std::optional<unsigned> HexDigit(char c) {
  const char lower = AsciiLower(c);
  if (IsAsciiDigit(c)) return static_cast<unsigned>(c - '0');
  if (lower >= 'a' && lower <= 'f') return static_cast<unsigned>(lower - 'a' + 10);
  return std::nullopt;
}

// Appends what a line without its end encodes; returns false if it is broken.
bool AppendDecoded(std::string_view line, std::string& out) {
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '=') {
      out += line[i];
      continue;
    }
    const auto high = i + 2 < line.size() ? HexDigit(line[i + 1]) : std::nullopt;
    const auto low = high ? HexDigit(line[i + 2]) : std::nullopt;
    if (!low) return false;
    out += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  return true;
}

}  // namespace

std::string EncodeQuotedPrintable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto lf = text.find('\n');
    std::string_view line = text.substr(0, lf);
    if (lf != std::string_view::npos && line.ends_with('\r')) line.remove_suffix(1);
    AppendLine(line, out);
    text.remove_prefix(lf == std::string_view::npos ? text.size() : lf + 1);
  }
  return out;
}

std::optional<std::string> DecodeQuotedPrintable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = LineEnd(text, 0);
    std::string_view line = WithoutLineEnd(text.substr(0, end));
    const std::string_view line_end = text.substr(line.size(), end - line.size());
    line = line.substr(0, line.find_last_not_of(" \t") + 1);
    const bool soft = line.ends_with('=');
    if (soft) line.remove_suffix(1);
    if (!AppendDecoded(line, out)) return std::nullopt;
    if (!soft) out.append(line_end);
    text.remove_prefix(end);
  }
  return out;
}

}  // namespace penstock::mail
