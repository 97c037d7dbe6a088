// SPDX-License-Identifier: Apache-2.0
#include "hooks/sdk/attachments.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/mail/base64.h"
#include "engine/mail/header_section.h"
#include "engine/mail/marking.h"
#include "engine/mail/quoted_printable.h"
#include "hooks/sdk/message_parts.h"

namespace penstock::sdk {
namespace {

bool IsAttachment(const Part& part, const FileInfo& info) {
  if (part.type.IsType("multipart")) return false;
  if (part.kind == mail::PartKind::kMessage) return !part.path.empty();
  return info.attachment || !info.names.empty() || !part.type.IsType("text");
}

std::size_t DecodedOctets(std::string_view body, mail::TransferEncoding encoding) {
  std::optional<std::string> decoded;
  if (encoding == mail::TransferEncoding::kBase64) decoded = mail::DecodeBase64(body);
  if (encoding == mail::TransferEncoding::kQuotedPrintable) {
    decoded = mail::DecodeQuotedPrintable(body);
  }
  return decoded ? decoded->size() : body.size();
}

void ReplaceAll(std::string& text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

// A name in a note is the sender's: no line ends, nothing that a terminal takes for more than text.
std::string OnOneLine(std::string text) {
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }, ' ');
  return text;
}

std::string NoteOf(std::string_view note, const Attachment& attachment) {
  std::string text(note);
  ReplaceAll(text, "{octets}", Cat(attachment.octets));
  ReplaceAll(text, "{type}", OnOneLine(attachment.type));
  ReplaceAll(text, "{name}", OnOneLine(attachment.name));
  return text;
}

constexpr std::string_view kTextFields =
    "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n";

class Removal {
 public:
  Removal(std::string_view message, std::vector<Part> parts, std::string_view note)
      : message_(message), parts_(std::move(parts)), note_(note) {}

  // Puts the edit together; false if it is refused.
  bool Remove(const AttachmentPredicate& remove, Edit& edit) {
    std::vector<std::pair<std::size_t, Attachment>> matched = Match(remove);
    std::vector<std::size_t> gone(parts_.size());  // children of each that go
    for (const auto& one : matched) {
      edit.refusal = WhyNotWithin(parts_, one.first);
      if (!edit.refusal.empty()) return false;
      ++gone[parts_[one.first].parent];
    }
    std::vector<bool> kept(parts_.size());  // an empty text stands for all that went
    for (const auto& [index, attachment] : matched) {
      const Part& part = parts_[index];
      const bool all = gone[part.parent] == parts_[part.parent].children.size();
      if (part.path.empty() || !note_.empty() || (all && !kept[part.parent])) {
        kept[part.parent] = true;
        edit.splices.push_back(Replace(part, NoteOf(note_, attachment)));
      } else {
        edit.splices.push_back({part.delimiter, part.next - part.delimiter, ""});
      }
    }
    return true;
  }

 private:
  // What a message within the message holds is no attachment of this one.
  [[nodiscard]] bool IsWithinMessage(std::size_t index) const {
    while (index != parts_[index].parent) {
      index = parts_[index].parent;
      if (parts_[index].kind == mail::PartKind::kMessage) return true;
    }
    return false;
  }

  [[nodiscard]] std::vector<std::pair<std::size_t, Attachment>> Match(
      const AttachmentPredicate& remove) const {
    std::vector<std::pair<std::size_t, Attachment>> matched;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const Part& part = parts_[i];
      FileInfo info = FileInfoOf(message_, part);
      if (!IsAttachment(part, info) || IsWithinMessage(i)) continue;
      const std::string_view body = message_.substr(part.body, part.end - part.body);
      Attachment attachment{part.path, info.names.empty() ? "" : info.names.front(),
                            std::move(info.names), part.type.value,
                            DecodedOctets(body, part.encoding)};
      if (remove(attachment)) matched.emplace_back(i, std::move(attachment));
    }
    return matched;
  }

  // Returns the splice that makes a part text/plain. The message keeps its fields but those that
  // speak of the body.
  [[nodiscard]] Splice Replace(const Part& part, const std::string& text) const {
    std::string header;
    if (part.path.empty()) {
      const auto scanned = mail::HeaderSection::Scan(message_);
      header = mail::RemoveFields(
          scanned.octets(),
          {"Content-Type", "Content-Transfer-Encoding", "Content-Disposition", "Content-ID",
           "Content-Description", "Content-MD5", "Content-Language", "Content-Location"});
      if (!header.empty() && !header.ends_with('\n')) header += "\r\n";
      if (scanned.Find("MIME-Version") == nullptr) header += "MIME-Version: 1.0\r\n";
    }
    std::string body = mail::EncodeQuotedPrintable(text);
    // Its last line end, where one before the delimiter line stays.
    if (part.next > part.end && body.ends_with("\r\n")) body.resize(body.size() - 2);
    return {part.offset, part.end - part.offset, Cat(header, kTextFields, "\r\n", body)};
  }

  std::string_view message_;
  std::vector<Part> parts_;
  std::string_view note_;
};

}  // namespace

StatusOr<Edit> RemoveAttachments(std::string_view message, const AttachmentPredicate& remove,
                                 std::string_view note) {
  if (!IsValidUtf8(note)) return InvalidArgument("the note is no UTF-8");
  Edit edit;
  StatusOr<std::vector<Part>> parts = FindParts(message);
  if (!parts.ok()) {
    edit.refusal = Message(parts.status());
    return edit;
  }
  Removal removal(message, std::move(*parts), note);
  if (removal.Remove(remove, edit) && edit.changes()) edit.warnings = WarningsOfBodyEdit(message);
  return edit;
}

}  // namespace penstock::sdk
