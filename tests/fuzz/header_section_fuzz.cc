// SPDX-License-Identifier: Apache-2.0
// A header section is the octets of its fields and nothing else, is found the same in pieces of any
// size, and what is read out of it can be shown.
// Covers: engine/mail/header_section.cc engine/mail/summary.cc engine/mail/subject.cc
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "engine/base/strings.h"
#include "engine/mail/header_section.h"
#include "engine/mail/summary.h"

using penstock::IsValidUtf8;
using penstock::mail::HeaderCollector;
using penstock::mail::HeaderField;
using penstock::mail::HeaderSection;

namespace {

void CheckFields(const HeaderSection& section, std::string_view message) {
  std::size_t end = section.fields().empty() ? section.length() : section.fields().front().offset;
  for (const HeaderField& field : section.fields()) {
    PENSTOCK_CHECK(field.offset == end);
    PENSTOCK_CHECK(message.substr(field.offset, field.name.size()) == field.name);
    end = field.offset + field.length;
  }
  PENSTOCK_CHECK(end == section.length());
  PENSTOCK_CHECK(section.octets() == message.substr(0, section.length()));
  PENSTOCK_CHECK(section.length() <= section.body_offset());
  PENSTOCK_CHECK(section.body_offset() <= message.size());
}

void CheckSummary(const HeaderSection& section) {
  const penstock::mail::Summary summary = Summarize(section);
  PENSTOCK_CHECK(summary.received_count <= section.fields().size());
  if (!summary.subject) return;
  PENSTOCK_CHECK(IsValidUtf8(*summary.subject));
  PENSTOCK_CHECK(summary.subject->find_first_of(std::string_view("\r\n\0", 3)) ==
                 std::string::npos);
}

// The first octet says how long the pieces are.
void CheckPieces(std::string_view message, std::size_t piece, const HeaderSection& whole) {
  HeaderCollector collector;
  for (std::string_view rest = message; !rest.empty();) {
    const std::size_t length = std::min(piece, rest.size());
    collector.Feed(rest.substr(0, length));
    rest.remove_prefix(length);
  }
  PENSTOCK_CHECK(collector.ended() == whole.ended());
  if (!collector.ended()) return;
  const HeaderSection again = HeaderSection::Scan(collector.octets());
  PENSTOCK_CHECK(again.octets() == whole.octets());
  PENSTOCK_CHECK(again.fields().size() == whole.fields().size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view message(reinterpret_cast<const char*>(data) + 1, size - 1);
  const HeaderSection section = HeaderSection::Scan(message);
  CheckFields(section, message);
  CheckSummary(section);
  CheckPieces(message, std::size_t{data[0]} % 64 + 1, section);
  return 0;
}
