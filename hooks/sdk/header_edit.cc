// SPDX-License-Identifier: Apache-2.0
#include "hooks/sdk/header_edit.h"

#include <string>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/mail/header_section.h"
#include "engine/mail/marking.h"
#include "engine/mail/subject.h"
#include "hooks/sdk/field_text.h"

namespace penstock::sdk {
namespace {

using mail::HeaderField;
using mail::HeaderSection;

bool IsWhiteSpace(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

Status CheckName(std::string_view name) {
  if (mail::IsFieldName(name)) return OkStatus();
  return InvalidArgument(Cat("\"", Printable(name),
                             "\" is no name of a header field: 1 to 77 "
                             "printable ASCII characters, no space, no colon"));
}

// Ends the header section with a blank line where it has none and only that keeps the body apart.
void KeepBodyApart(const HeaderSection& header, std::size_t fields_after, Edit& edit) {
  if (edit.splices.empty() || header.body_offset() > header.length()) return;
  if (!header.fields().empty() && fields_after > 0) return;
  edit.splices.push_back({header.length(), 0, "\r\n"});
}

// Adds "name:" and `body` at the end of the header section.
void AppendField(const HeaderSection& header, std::string_view name, const std::string& body,
                 Edit& edit) {
  const bool open = !header.octets().empty() && !header.octets().ends_with('\n');
  const bool blank = header.body_offset() == header.length() && header.fields().empty();
  edit.splices.push_back(
      {header.length(), 0, Cat(open ? "\r\n" : "", name, ":", body, "\r\n", blank ? "\r\n" : "")});
}

// Where a field's body begins within the message.
std::size_t BodyOffset(const HeaderField& field) {
  return field.offset + static_cast<std::size_t>(field.body.data() - field.name.data());
}

// Returns what is to come between "Subject:" and its body.
std::string TagBefore(const HeaderField& subject, std::string_view tag) {
  const std::string_view body = subject.body;
  const std::string_view text = TrimAsciiSpace(body);
  std::string written(tag);
  if (!IsAscii(tag)) {
    // White space between encoded words is none (RFC 2047 §6.2), so theirs is within the first.
    written = EncodedWord(text.starts_with("=?") ? Cat(tag, " ") : tag);
  }
  std::string before = Cat(" ", written);
  const bool spaced = body.empty() || IsWhiteSpace(body.front());
  const std::string_view line = body.substr(0, body.find_first_of("\r\n"));
  const std::size_t octets = subject.name.size() + 1 + before.size() + line.size();
  const bool fold =
      octets + (spaced ? 0 : 1) > limits::kFieldLineOctetsWanted && !TrimAsciiSpace(line).empty();
  Append(before, fold ? "\r\n" : "", spaced ? "" : " ");
  return before;
}

}  // namespace

StatusOr<Edit> AddField(std::string_view header_section, std::string_view name,
                        std::string_view text) {
  PENSTOCK_RETURN_IF_ERROR(CheckName(name));
  PENSTOCK_ASSIGN_OR_RETURN(const std::string body, EncodeFieldBody(name, text));
  Edit edit;
  AppendField(HeaderSection::Scan(header_section), name, body, edit);
  return edit;
}

StatusOr<Edit> ReplaceField(std::string_view header_section, std::string_view name,
                            std::string_view text) {
  PENSTOCK_RETURN_IF_ERROR(CheckName(name));
  PENSTOCK_ASSIGN_OR_RETURN(const std::string body, EncodeFieldBody(name, text));
  const HeaderSection header = HeaderSection::Scan(header_section);
  Edit edit;
  for (const HeaderField* field : header.FindAll(name)) {
    if (edit.splices.empty()) {
      edit.splices.push_back({BodyOffset(*field), field->body.size(), body});
    } else {
      edit.splices.push_back({field->offset, field->length, ""});
    }
  }
  if (edit.splices.empty()) AppendField(header, name, body, edit);
  return edit;
}

StatusOr<Edit> RemoveField(std::string_view header_section, std::string_view name) {
  PENSTOCK_RETURN_IF_ERROR(CheckName(name));
  const HeaderSection header = HeaderSection::Scan(header_section);
  Edit edit;
  for (const HeaderField* field : header.FindAll(name))
    edit.splices.push_back({field->offset, field->length, ""});
  KeepBodyApart(header, header.fields().size() - edit.splices.size(), edit);
  return edit;
}

StatusOr<Edit> TagSubject(std::string_view header_section, std::string_view tag) {
  if (tag != TrimAsciiSpace(tag) || tag.empty() || tag.size() + 1 > kEncodedWordOctets) {
    return InvalidArgument(
        Cat("a tag has 1 to ", kEncodedWordOctets - 1, " octets, without white space at its ends"));
  }
  PENSTOCK_ASSIGN_OR_RETURN(const std::string alone, EncodeFieldBody("Subject", tag));
  const HeaderSection header = HeaderSection::Scan(header_section);
  const auto subjects = header.FindAll("Subject");
  Edit edit;
  for (const HeaderField* subject : subjects) {
    if (mail::DecodeFieldText(subject->body).find(tag) != std::string::npos) continue;
    edit.splices.push_back({BodyOffset(*subject), 0, TagBefore(*subject, tag)});
  }
  if (subjects.empty()) AppendField(header, "Subject", alone, edit);
  return edit;
}

}  // namespace penstock::sdk
