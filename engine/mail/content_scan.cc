// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/content_scan.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/mail/immutable_digest.h"
#include "engine/mail/mime_walk.h"

namespace penstock::mail {
namespace {

// RFC 5322 §3.6, and what MIME and SMTP add once to a message. Content-* are told by their prefix.
constexpr std::array<std::string_view, 13> kOnceOnly{
    "date",       "from",        "sender",     "reply-to", "to",           "cc",         "bcc",
    "message-id", "in-reply-to", "references", "subject",  "mime-version", "return-path"};

constexpr std::uint64_t kLikenessStart = 0x9e3779b97f4a7c15;

// Mixes text into a likeness, eight octets at a time.
std::uint64_t Mix(std::uint64_t likeness, std::string_view text, std::uint64_t octets) {
  constexpr std::uint64_t kFactor = 0xff51afd7ed558ccd;
  likeness = (likeness ^ octets) * kFactor;
  while (!text.empty()) {
    std::uint64_t word = 0;
    const std::size_t taken = std::min(text.size(), sizeof word);
    std::memcpy(&word, text.data(), taken);
    likeness = (likeness ^ word) * kFactor;
    likeness ^= likeness >> 32U;
    text.remove_prefix(taken);
  }
  return likeness;
}

std::uint16_t Bit(DefectKind kind) {
  return static_cast<std::uint16_t>(1U << static_cast<unsigned>(kind));
}

bool BeginsField(const ContentLine& line) {
  return !line.start.starts_with(' ') && !line.start.starts_with('\t');
}

}  // namespace

class ContentScan::Visitor final : public MimeVisitor {
 public:
  explicit Visitor(const ContentRules& rules) : immutable_(rules.immutable_fields), walk_(*this) {}

  void Feed(std::string_view octets) { walk_.Feed(octets); }

  ContentFacts Finish() {
    facts_.octets = walk_.Finish();
    facts_.immutable_fields = immutable_.Finish();
    return std::move(facts_);
  }

  void OnPart(const std::vector<OpenPart>& /*path*/, std::uint64_t /*offset*/) override {
    sections_.push_back({.first_defect = facts_.defects.size()});
    seen_.clear();
  }

  void OnLine(const std::vector<OpenPart>& path, std::size_t depth, LinePlace place,
              std::string_view field, const ContentLine& line) override {
    const bool header = place <= LinePlace::kMboxLine;
    facts_.longest_line_octets = std::max(facts_.longest_line_octets, line.octets + 2);
    if ((line.flags & kOctetEightBit) != 0) {
      (header && depth == 0 ? facts_.header_eight_bit : facts_.body_eight_bit) = true;
    }
    Section& section = sections_[depth];
    // Without empty lines: a body that becomes a part of something may gain one at its end.
    if (line.octets > 0 && (header || path[depth].kind != PartKind::kMultipart)) {
      section.likeness = Mix(section.likeness, line.start, line.octets);
    }
    if (place == LinePlace::kField) {
      TakeField(path, field, line);
    } else if (header) {
      section.kinds = 0;
    }
    CheckLine(path, depth, field, line);
    if (place == LinePlace::kBody && (line.flags & kOctetNotBase64) != 0 &&
        path[depth].encoding == TransferEncoding::kBase64) {
      Add(DefectKind::kNotBase64, path, depth, "", &line);
    }
  }

  void OnHeaderEnd(const std::vector<OpenPart>& path, std::uint64_t offset) override {
    const std::size_t depth = path.size() - 1;
    const OpenPart& part = path[depth];
    Section& section = sections_[depth];
    if (depth == 0) EndMessageHeader(path, offset);
    section.kinds = 0;
    if (part.type.IsType("multipart") && part.boundary.empty()) {
      Add(DefectKind::kNoBoundary, path, depth, "Content-Type", nullptr);
    }
    if (part.encoding_forbidden) {
      Add(DefectKind::kEncodingForbidden, path, depth, "Content-Transfer-Encoding", nullptr);
    }
    SetLikeness(section);
    section.kinds = 0;
    // A multipart is told by its boundary: its lines are few, and others stand between them.
    section.likeness = Mix(kLikenessStart, part.boundary, part.boundary.size());
  }

  void OnPartEnd(const std::vector<OpenPart>& path, std::uint64_t /*offset*/,
                 std::uint8_t /*before*/) override {
    const OpenPart& part = path.back();
    if (part.kind == PartKind::kMultipart && !part.closed) {
      Add(DefectKind::kNoEnd, path, path.size() - 1, "", nullptr);
    }
    if (part.kind == PartKind::kLeaf) SetLikeness(sections_.back());
    sections_.pop_back();
  }

 private:
  // The header section of an open part, then its body.
  struct Section {
    std::size_t first_defect = 0;
    std::uint64_t likeness = kLikenessStart;
    std::uint16_t kinds = 0;  // of defects that are on record for it, or for its present field
  };

  void TakeField(const std::vector<OpenPart>& path, std::string_view name,
                 const ContentLine& line) {
    const std::size_t depth = path.size() - 1;
    if (BeginsField(line)) {
      sections_[depth].kinds = 0;
      CheckOnce(path, name, line);
      if (depth == 0) immutable_.Begin(name, line.start.substr(line.start.find(':') + 1));
    } else if (depth == 0) {
      immutable_.Continue(line.start);
    }
  }

  void CheckOnce(const std::vector<OpenPart>& path, std::string_view name,
                 const ContentLine& line) {
    const std::size_t depth = path.size() - 1;
    const std::string lower = AsciiLower(name.substr(0, limits::kFieldNameOctetsKept));
    const bool message = depth == 0;
    const bool once =
        lower.starts_with("content-") ||
        (message && std::find(kOnceOnly.begin(), kOnceOnly.end(), lower) != kOnceOnly.end());
    if (!once) return;
    if (std::find(seen_.begin(), seen_.end(), lower) != seen_.end()) {
      Add(DefectKind::kFieldRepeated, path, depth, name, &line);
    } else if (seen_.size() < limits::kFieldNamesMax) {
      seen_.push_back(lower);
    }
  }

  void EndMessageHeader(const std::vector<OpenPart>& path, std::uint64_t offset) {
    immutable_.EndField();
    for (const std::string_view name : {"From", "Date"}) {
      if (std::find(seen_.begin(), seen_.end(), AsciiLower(name)) != seen_.end()) continue;
      sections_[0].kinds = 0;
      Add(DefectKind::kFieldMissing, path, 0, name, nullptr);
    }
    if (offset > limits::kHeaderSectionOctetsMax) {
      Add(DefectKind::kHeaderTooLarge, path, 0, "", nullptr);
    }
  }

  void CheckLine(const std::vector<OpenPart>& path, std::size_t depth, std::string_view field,
                 const ContentLine& line) {
    const auto add = [&](DefectKind kind) { Add(kind, path, depth, field, &line); };
    if (line.octets + 2 > limits::kContentLineOctetsMax) add(DefectKind::kLineTooLong);
    if (line.end_octets == 1) add(DefectKind::kBareLf);
    if ((line.flags & kOctetNul) != 0) add(DefectKind::kNul);
    if ((line.flags & kOctetCr) != 0) add(DefectKind::kBareCr);
  }

  // Puts a defect of path[depth] on record, unless the place has one of the kind already.
  void Add(DefectKind kind, const std::vector<OpenPart>& path, std::size_t depth,
           std::string_view field, const ContentLine* line) {
    Section& section = sections_[depth];
    if ((section.kinds & Bit(kind)) != 0) return;
    section.kinds |= Bit(kind);
    std::size_t& count = counts_[static_cast<std::size_t>(kind)];
    if (count++ >= limits::kDefectsOfAKindMax) {
      if (count == limits::kDefectsOfAKindMax + 1) facts_.overflowed.push_back(kind);
      return;
    }
    facts_.defects.push_back({.kind = kind,
                              .part = PartPath(path, depth),
                              .field = std::string(field.substr(0, limits::kFieldNameOctetsKept)),
                              .line = line == nullptr ? 0 : line->number,
                              .octets = kind == DefectKind::kLineTooLong ? line->octets + 2 : 0,
                              .likeness = section.likeness});
  }

  // Tells the defects of a section that has ended what it looks like.
  void SetLikeness(Section& section) {
    for (std::size_t i = section.first_defect; i < facts_.defects.size(); ++i)
      facts_.defects[i].likeness = section.likeness;
    section.first_defect = facts_.defects.size();
  }

  ContentFacts facts_;
  std::array<std::size_t, kDefectKinds> counts_{};
  std::vector<Section> sections_;  // of the parts that are open
  std::vector<std::string> seen_;  // once-only fields of this header section, in lower case
  ImmutableDigest immutable_;
  MimeWalk walk_;  // begins at once, so it comes last
};

ContentScan::ContentScan(const ContentRules& rules) : visitor_(std::make_unique<Visitor>(rules)) {}

ContentScan::~ContentScan() = default;

void ContentScan::Feed(std::string_view octets) {
  visitor_->Feed(octets);
}

ContentFacts ContentScan::Finish() {
  return visitor_->Finish();
}

ContentFacts ScanContent(std::string_view content, const ContentRules& rules) {
  ContentScan scan(rules);
  scan.Feed(content);
  return scan.Finish();
}

}  // namespace penstock::mail
