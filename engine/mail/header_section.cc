// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/header_section.h"

#include <algorithm>
#include <cstdint>

#include "engine/base/limits.h"
#include "engine/base/strings.h"

namespace penstock::mail {
namespace {

enum class LineKind : std::uint8_t { kField, kContinuation, kBlank, kOther };

bool IsWhiteSpace(char c) {
  return c == ' ' || c == '\t';
}

// Tells what a line is; of a field, `name_octets` is the length of its name and `colon` where its
// colon stands. The line's own end may be there or not.
LineKind Classify(std::string_view line, std::size_t& name_octets, std::size_t& colon) {
  if (line == "\r\n" || line == "\n") return LineKind::kBlank;
  if (!line.empty() && IsWhiteSpace(line.front())) return LineKind::kContinuation;
  std::size_t i = 0;
  while (i < line.size() && line[i] > ' ' && line[i] < 0x7f && line[i] != ':')
    ++i;
  name_octets = i;
  while (i < line.size() && IsWhiteSpace(line[i]))
    ++i;
  colon = i;
  const bool is_field = name_octets > 0 && i < line.size() && line[i] == ':';
  return is_field ? LineKind::kField : LineKind::kOther;
}

bool IsMboxLine(std::string_view line) {
  return line.starts_with("From ") || line.starts_with(">From ");
}

// Returns where the line that begins at `start` ends, its LF included.
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

}  // namespace

HeaderSection HeaderSection::Scan(std::string_view message) {
  HeaderSection header;
  std::size_t name_octets = 0;
  std::size_t colon = 0;
  std::size_t start = 0;
  if (IsMboxLine(message)) {
    const std::size_t end = LineEnd(message, 0);
    if (Classify(message.substr(0, end), name_octets, colon) == LineKind::kOther) start = end;
  }
  while (start < message.size()) {
    std::size_t end = LineEnd(message, start);
    const std::string_view line = message.substr(start, end - start);
    const LineKind kind = Classify(line, name_octets, colon);
    if (kind != LineKind::kField) {
      header.ended_ = line.ends_with('\n');
      header.body_offset_ = kind == LineKind::kBlank ? end : start;
      header.octets_ = message.substr(0, start);
      return header;
    }
    while (end < message.size() && IsWhiteSpace(message[end]))
      end = LineEnd(message, end);
    const std::string_view field = message.substr(start, end - start);
    header.fields_.push_back({field.substr(0, name_octets), WithoutLineEnd(field.substr(colon + 1)),
                              start, field.size()});
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
  std::size_t name_octets = 0;
  std::size_t colon = 0;
  const LineKind kind = Classify(line, name_octets, colon);
  line_start_ = octets_.size();
  if (kind == LineKind::kField) {
    after_field_ = true;
  } else if (kind == LineKind::kContinuation ? !after_field_ : !(first && IsMboxLine(line))) {
    ended_ = true;
  }
}

}  // namespace penstock::mail
