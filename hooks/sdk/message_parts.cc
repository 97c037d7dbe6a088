// SPDX-License-Identifier: Apache-2.0
#include "hooks/sdk/message_parts.h"

#include <algorithm>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/base/utf8.h"
#include "engine/mail/charset.h"
#include "engine/mail/header_section.h"
#include "engine/mail/subject.h"

namespace penstock::sdk {
namespace {

// Stops looking, not walking, at one part too many.
class Finder final : public mail::MimeVisitor {
 public:
  void OnPart(const std::vector<mail::OpenPart>& path, std::uint64_t offset) override {
    if (parts_.size() > limits::kEditedPartsMax) return;
    Part part;
    part.path = mail::PartPath(path, path.size() - 1);
    part.offset = offset;
    part.delimiter = delimiter_;
    if (!open_.empty()) {
      part.parent = open_.back();
      parts_[part.parent].children.push_back(parts_.size());
    }
    open_.push_back(parts_.size());
    parts_.push_back(std::move(part));
  }

  void OnLine(const std::vector<mail::OpenPart>& /*path*/, std::size_t /*depth*/,
              mail::LinePlace place, std::string_view /*field*/,
              const mail::ContentLine& line) override {
    if (place == mail::LinePlace::kDelimiter) delimiter_ = line.offset;
  }

  void OnHeaderEnd(const std::vector<mail::OpenPart>& path, std::uint64_t offset) override {
    if (parts_.size() > limits::kEditedPartsMax) return;
    Part& part = parts_[open_.back()];
    part.kind = path.back().kind;
    part.type = path.back().type;
    part.encoding = path.back().encoding;
    part.body = offset;
  }

  void OnPartEnd(const std::vector<mail::OpenPart>& /*path*/, std::uint64_t offset,
                 std::uint8_t before) override {
    if (parts_.size() > limits::kEditedPartsMax) return;
    Part& part = parts_[open_.back()];
    part.end = std::max<std::size_t>(part.body, offset - before);
    part.next = offset;
    open_.pop_back();
  }

  std::vector<Part> Take() { return std::move(parts_); }

 private:
  std::vector<Part> parts_;
  std::vector<std::size_t> open_;
  std::size_t delimiter_ = 0;
};

std::string DecodeName(const mail::MimeParameter& name) {
  if (name.charset.empty()) return mail::DecodeFieldText(name.octets);
  return ToValidUtf8(mail::ToUtf8(name.octets, name.charset).value_or(name.octets));
}

void AddName(const mail::MimeField& field, std::string_view parameter,
             std::vector<std::string>& names) {
  std::string name = DecodeName(FindParameter(field, parameter));
  if (!name.empty()) names.push_back(std::move(name));
}

// Adds what each form of a parameter says (RFC 2231: name*0, name*, name), and each repetition.
void AddNames(const mail::MimeField& field, std::string_view parameter,
              std::vector<std::string>& names) {
  AddName(field, parameter, names);
  mail::MimeField pieces;
  for (const auto& one : field.parameters) {
    if (one.first == parameter || one.first == Cat(parameter, "*")) {
      AddName({"", {one}}, parameter, names);
    } else if (one.first.starts_with(Cat(parameter, "*"))) {
      pieces.parameters.insert(pieces.parameters.begin(), one);
    }
  }
  AddName(pieces, parameter, names);  // of a piece that is repeated the last
}

}  // namespace

StatusOr<std::vector<Part>> FindParts(std::string_view message) {
  Finder finder;
  mail::MimeWalk walk(finder);
  walk.Feed(message);
  walk.Finish();
  std::vector<Part> parts = finder.Take();
  if (parts.size() <= limits::kEditedPartsMax) return parts;
  return FailedPrecondition(Cat("the mail has more than ", limits::kEditedPartsMax, " parts"));
}

std::string_view HeaderOf(std::string_view message, const Part& part) {
  return message.substr(part.offset, part.body - part.offset);
}

FileInfo FileInfoOf(std::string_view message, const Part& part) {
  const auto header = mail::HeaderSection::Scan(HeaderOf(message, part));
  FileInfo info;
  std::vector<mail::MimeField> fields;
  for (const mail::HeaderField* field : header.FindAll("Content-Disposition"))
    fields.push_back(mail::ReadMimeField(field->body));
  info.attachment = !fields.empty() && fields.front().value == "attachment";
  for (const mail::HeaderField* field : header.FindAll("Content-Type"))
    fields.push_back(mail::ReadMimeField(field->body));
  for (const std::string_view parameter : {"filename", "name"}) {
    for (const mail::MimeField& field : fields)
      AddNames(field, parameter, info.names);
  }
  return info;
}

std::string WhyNotWithin(const std::vector<Part>& parts, std::size_t part) {
  for (std::size_t i = part;; i = parts[i].parent) {
    const std::string& type = parts[i].type.value;
    if (type == "multipart/signed") {
      return "the mail is signed (multipart/signed): an edit would break its signature";
    }
    if (type == "multipart/encrypted") return "the mail is encrypted (multipart/encrypted)";
    if (type == "application/pkcs7-mime" || type == "application/x-pkcs7-mime") {
      return Cat("the mail is signed or encrypted (", type, ")");
    }
    if (i == parts[i].parent) return "";
  }
}

std::vector<std::string> WarningsOfBodyEdit(std::string_view message) {
  const auto header = mail::HeaderSection::Scan(message);
  if (header.Find("DKIM-Signature") == nullptr) return {};
  return {"the mail has a DKIM-Signature, which the edit of its body breaks"};
}

}  // namespace penstock::sdk
