// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/header_line.h"

namespace penstock::mail {
namespace {

bool IsWhiteSpace(char c) {
  return c == ' ' || c == '\t';
}

}  // namespace

HeaderLine ReadHeaderLine(std::string_view line) {
  if (line == "\r\n" || line == "\n") return {HeaderLineKind::kBlank};
  if (!line.empty() && IsWhiteSpace(line.front())) return {HeaderLineKind::kContinuation};
  std::size_t i = 0;
  while (i < line.size() && line[i] > ' ' && line[i] < 0x7f && line[i] != ':')
    ++i;
  const std::size_t name_octets = i;
  while (i < line.size() && IsWhiteSpace(line[i]))
    ++i;
  const bool is_field = name_octets > 0 && i < line.size() && line[i] == ':';
  if (!is_field) return {};
  return {HeaderLineKind::kField, name_octets, i};
}

bool IsMboxLine(std::string_view line) {
  return (line.starts_with("From ") || line.starts_with(">From ")) &&
         ReadHeaderLine(line).kind == HeaderLineKind::kOther;
}

std::size_t LineEnd(std::string_view text, std::size_t start) {
  const auto lf = text.find('\n', start);
  return lf == std::string_view::npos ? text.size() : lf + 1;
}

std::string_view WithoutLineEnd(std::string_view line) {
  if (line.ends_with('\n')) {
    line.remove_suffix(1);
    if (line.ends_with('\r')) line.remove_suffix(1);
  }
  return line;
}

}  // namespace penstock::mail
