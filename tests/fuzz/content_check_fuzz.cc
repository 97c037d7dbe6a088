// SPDX-License-Identifier: Apache-2.0
// The facts of a message do not depend on how it is cut into pieces; they agree with what
// HeaderSection finds; what came may be put back; a refusal is a line of text that can be shown.
// Input: two octets that say how to cut, the original, a line of "=====", the replacement.
// Covers: engine/mail/content_check.cc engine/mail/content_lines.cc engine/mail/content_scan.cc
// Covers: engine/mail/immutable_digest.cc engine/mail/mime_field.cc engine/mail/mime_walk.cc
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/base/check.h"
#include "engine/base/strings.h"
#include "engine/mail/content_check.h"
#include "engine/mail/content_scan.h"
#include "engine/mail/header_section.h"

using penstock::IsValidUtf8;
using penstock::Message;
using penstock::Status;
using penstock::mail::CheckReplacement;
using penstock::mail::ContentFacts;
using penstock::mail::ContentScan;
using penstock::mail::HeaderSection;
using penstock::mail::ImmutableField;
using penstock::mail::ScanContent;

namespace {

ContentFacts ScanPieces(std::string_view content, std::uint32_t seed) {
  ContentScan scan({});
  while (!content.empty()) {
    seed = seed * 1664525 + 1013904223;
    const std::size_t piece = std::min<std::size_t>((seed >> 16U) % 97, content.size());
    scan.Feed(content.substr(0, piece));
    content.remove_prefix(piece);
  }
  return scan.Finish();
}

ContentFacts Check(std::string_view content, std::uint32_t seed) {
  ContentFacts facts = ScanContent(content, {});
  PENSTOCK_CHECK(ScanPieces(content, seed) == facts);
  PENSTOCK_CHECK(facts.octets == content.size());
  PENSTOCK_CHECK(CheckReplacement(facts, facts).ok());
  const HeaderSection header = HeaderSection::Scan(content);
  for (const ImmutableField& field : facts.immutable_fields)
    PENSTOCK_CHECK(field.count == header.FindAll(field.name).size());
  return facts;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::uint32_t seed = data[0] * 256U + data[1];
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  constexpr std::string_view kBetween = "\r\n=====\r\n";
  const auto between = text.find(kBetween);
  const ContentFacts original = Check(text.substr(0, between), seed);
  if (between == std::string_view::npos) return 0;
  const ContentFacts replacement = Check(text.substr(between + kBetween.size()), seed);
  const Status verdict = CheckReplacement(original, replacement);
  PENSTOCK_CHECK(IsValidUtf8(Message(verdict)));
  PENSTOCK_CHECK(Message(verdict).find('\n') == std::string_view::npos);
  if (replacement.defects.empty()) {
    PENSTOCK_CHECK(verdict.ok() || original.immutable_fields != replacement.immutable_fields);
  }
  return 0;
}
