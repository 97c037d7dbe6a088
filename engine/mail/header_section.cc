// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/header_section.h"

#include <algorithm>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/mail/header_line.h"

namespace penstock::mail {
namespace {

bool IsWhiteSpace(char c) {
  return c == ' ' || c == '\t';
}

}  // namespace

HeaderSection HeaderSection::Scan(std::string_view message) {
  HeaderSection header;
  std::size_t start = LineEnd(message, 0);
  if (!IsMboxLine(message.substr(0, start))) start = 0;
  while (start < message.size()) {
    std::size_t end = LineEnd(message, start);
    const std::string_view line = message.substr(start, end - start);
    const HeaderLine read = ReadHeaderLine(line);
    if (read.kind != HeaderLineKind::kField) {
      header.ended_ = line.ends_with('\n');
      header.body_offset_ = read.kind == HeaderLineKind::kBlank ? end : start;
      header.octets_ = message.substr(0, start);
      return header;
    }
    while (end < message.size() && IsWhiteSpace(message[end]))
      end = LineEnd(message, end);
    const std::string_view field = message.substr(start, end - start);
    header.fields_.push_back({field.substr(0, read.name_octets),
                              WithoutLineEnd(field.substr(read.colon + 1)), start, field.size()});
    start = end;
  }
  header.body_offset_ = start;
  header.octets_ = message.substr(0, start);
  return header;
}

std::vector<const HeaderField*> HeaderSection::FindAll(std::string_view name) const {
  std::vector<const HeaderField*> found;
  for (const HeaderField& field : fields_) {
    if (EqualsIgnoreAsciiCase(field.name, name)) found.push_back(&field);
  }
  return found;
}

const HeaderField* HeaderSection::Find(std::string_view name) const {
  const auto field = std::find_if(fields_.begin(), fields_.end(), [&](const HeaderField& one) {
    return EqualsIgnoreAsciiCase(one.name, name);
  });
  return field == fields_.end() ? nullptr : &*field;
}

std::string Unfold(std::string_view raw_body) {
  std::string line;
  line.reserve(raw_body.size());
  for (std::size_t i = 0; i < raw_body.size(); ++i) {
    if (raw_body[i] != '\n') {
      line += raw_body[i];
      continue;
    }
    if (line.ends_with('\r')) line.pop_back();
    // Within a field every line end is followed by white space; elsewhere words must not run
    // together.
    if (i + 1 < raw_body.size() && !IsWhiteSpace(raw_body[i + 1])) line += ' ';
  }
  return std::string(TrimAsciiSpace(line));
}

void HeaderCollector::Feed(std::string_view octets) {
  while (!octets.empty() && !ended_ && !over_limit_) {
    const std::size_t room = limits::kHeaderSectionOctetsMax - octets_.size();
    const std::size_t taken = LineEnd(octets, 0);
    if (taken > room) {
      over_limit_ = true;
      octets_.append(octets.substr(0, room));
      return;
    }
    octets_.append(octets.substr(0, taken));
    octets.remove_prefix(taken);
    if (octets_.ends_with('\n')) EndLine();
  }
}

void HeaderCollector::EndLine() {
  const std::string_view line = std::string_view(octets_).substr(line_start_);
  const bool first = line_start_ == 0;
  const HeaderLineKind kind = ReadHeaderLine(line).kind;
  line_start_ = octets_.size();
  if (kind == HeaderLineKind::kField) {
    after_field_ = true;
  } else if (kind == HeaderLineKind::kContinuation ? !after_field_ : !(first && IsMboxLine(line))) {
    ended_ = true;
  }
}

}  // namespace penstock::mail
