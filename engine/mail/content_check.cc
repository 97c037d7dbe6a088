// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/content_check.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/strings.h"

namespace penstock::mail {
namespace {

// What is wrong with a kind, and what mends it.
struct Words {
  const char* what;
  const char* how;
};

Words WordsOf(DefectKind kind) {
  switch (kind) {
    case DefectKind::kLineTooLong:
      return {"the line is too long",
              "fold the field, or encode the part as quoted-printable or base64"};
    case DefectKind::kNul:
      return {"there is a NUL octet", "leave it out, or encode the part as base64"};
    case DefectKind::kBareCr:
      return {"there is a CR without LF", "end lines in CRLF"};
    case DefectKind::kBareLf:
      return {"the line ends in LF alone", "end lines in CRLF"};
    case DefectKind::kHeaderTooLarge:
      return {"the header section is too large", "take fields out"};
    case DefectKind::kNoBoundary:
      return {"a multipart has no boundary",
              "give Content-Type a boundary parameter of 1 to 70 characters"};
    case DefectKind::kNoEnd:
      return {"a multipart has no closing delimiter", "end it with a line of --boundary--"};
    case DefectKind::kEncodingForbidden:
      return {"a multipart or message part may only be 7bit, 8bit or binary",
              "encode the parts within it instead"};
    case DefectKind::kNotBase64:
      return {"there are octets outside the alphabet of base64",
              "encode the part again, or correct its Content-Transfer-Encoding"};
    case DefectKind::kFieldMissing:
      return {"the field is missing", "add it"};
    case DefectKind::kFieldRepeated:
      return {"the field may occur once only", "take the others out"};
  }
  return {"", ""};
}

std::string Where(const Defect& defect) {
  std::string where;
  if (defect.line != 0) Append(where, "line ", defect.line);
  if (!defect.part.empty()) {
    Append(where, where.empty() ? "" : ", ", "part ",
           Printable(defect.part, limits::kRefusalPathOctetsMax));
  }
  if (!defect.field.empty()) {
    Append(where, where.empty() ? "" : ", ", "header ",
           Printable(defect.field, limits::kRefusalNameOctetsMax));
  }
  return where.empty() ? "message" : where;
}

std::string Refusal(const Defect& defect) {
  const Words words = WordsOf(defect.kind);
  std::string figure;
  if (defect.kind == DefectKind::kLineTooLong) {
    figure =
        Cat(" (", defect.octets, " octets with CRLF, at most ", limits::kContentLineOctetsMax, ")");
  } else if (defect.kind == DefectKind::kHeaderTooLarge) {
    figure = Cat(" (at most ", limits::kHeaderSectionOctetsMax, " octets)");
  }
  return Cat(Where(defect), ": ", words.what, figure, "; ", words.how);
}

bool IsSame(const Defect& a, const Defect& b) {
  if (a.kind != b.kind) return false;
  const bool place = a.part == b.part && EqualsIgnoreAsciiCase(a.field, b.field);
  return place || a.likeness == b.likeness;
}

bool Overflowed(const ContentFacts& facts, DefectKind kind) {
  return std::find(facts.overflowed.begin(), facts.overflowed.end(), kind) !=
         facts.overflowed.end();
}

bool HadIt(const ContentFacts& original, const Defect& defect) {
  return Overflowed(original, defect.kind) ||
         std::any_of(original.defects.begin(), original.defects.end(),
                     [&](const Defect& one) { return IsSame(one, defect); });
}

// Faults as they are found; the text holds the first of them.
class Refusals {
 public:
  void Add(std::string text) {
    if (++count_ > limits::kRefusalsTold) return;
    Append(text_, text_.empty() ? "" : " | ", text);
  }

  [[nodiscard]] Status Result() const {
    if (count_ == 0) return OkStatus();
    if (count_ <= limits::kRefusalsTold) return InvalidArgument(text_);
    return InvalidArgument(Cat(text_, " | and ", count_ - limits::kRefusalsTold, " more"));
  }

 private:
  std::size_t count_ = 0;
  std::string text_;
};

void CompareImmutable(const ImmutableField& original, const ImmutableField& replacement,
                      Refusals& refusals) {
  if (original == replacement) return;
  const bool may_be_added =
      EqualsIgnoreAsciiCase(original.name, "From") || EqualsIgnoreAsciiCase(original.name, "Date");
  if (may_be_added && original.count == 0 && replacement.count == 1) return;
  std::string what = "the field must not be changed";
  if (original.count != replacement.count) {
    what = Cat("the field must not be added or removed (", replacement.count, " of them, ",
               original.count, " in the original)");
  }
  refusals.Add(Cat("header ", Printable(original.name, limits::kRefusalNameOctetsMax), ": ", what,
                   "; leave it as it came"));
}

}  // namespace

Status CheckReplacement(const ContentFacts& original, const ContentFacts& replacement) {
  Refusals refusals;
  const std::size_t names =
      std::min(original.immutable_fields.size(), replacement.immutable_fields.size());
  for (std::size_t i = 0; i < names; ++i)
    CompareImmutable(original.immutable_fields[i], replacement.immutable_fields[i], refusals);
  for (const Defect& defect : replacement.defects) {
    if (!HadIt(original, defect)) refusals.Add(Refusal(defect));
  }
  for (const DefectKind kind : replacement.overflowed) {
    if (Overflowed(original, kind)) continue;
    refusals.Add(Cat("message: ", WordsOf(kind).what, " in more than ", limits::kDefectsOfAKindMax,
                     " places; ", WordsOf(kind).how));
  }
  return refusals.Result();
}

}  // namespace penstock::mail
