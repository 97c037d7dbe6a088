// SPDX-License-Identifier: Apache-2.0
// After an edit of one header field every other field and the body have the octets they had.
// Input: an octet that chooses the edit, a line: the field's name, a line of text, a message.
// Covers: hooks/sdk/edit.cc hooks/sdk/field_text.cc hooks/sdk/header_edit.cc
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/strings.h"
#include "engine/mail/header_section.h"
#include "hooks/sdk/header_edit.h"

using penstock::EqualsIgnoreAsciiCase;
using penstock::StatusOr;
using penstock::mail::HeaderField;
using penstock::mail::HeaderSection;
using penstock::sdk::Apply;
using penstock::sdk::Edit;

namespace {

std::string_view TakeLine(std::string_view& text) {
  const auto end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

StatusOr<Edit> Make(std::string_view message, unsigned kind, std::string_view name,
                    std::string_view text) {
  switch (kind % 4) {
    case 0:
      return penstock::sdk::AddField(message, name, text);
    case 1:
      return penstock::sdk::ReplaceField(message, name, text);
    case 2:
      return penstock::sdk::RemoveField(message, name);
    default:
      return penstock::sdk::TagSubject(message, text);
  }
}

// The octets of the fields of other names; a last line end that was not there may have come.
std::vector<std::string> Others(std::string_view message, const HeaderSection& header,
                                std::string_view name) {
  std::vector<std::string> others;
  for (const HeaderField& field : header.fields()) {
    if (EqualsIgnoreAsciiCase(field.name, name)) continue;
    others.emplace_back(message.substr(field.offset, field.length));
    if (!others.back().ends_with('\n')) others.back() += "\r\n";
  }
  return others;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const unsigned kind = data[0];
  std::string_view message(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::string_view name = TakeLine(message);
  const std::string_view text = TakeLine(message);
  if (kind % 4 == 3) name = "Subject";
  const StatusOr<Edit> edit = Make(message, kind, name, text);
  if (!edit.ok()) return 0;
  PENSTOCK_CHECK(edit->refusal.empty());

  const HeaderSection before = HeaderSection::Scan(message);
  const std::string edited = Apply(*edit, message);
  const HeaderSection after = HeaderSection::Scan(edited);
  PENSTOCK_CHECK(Others(message, before, name) == Others(edited, after, name));
  PENSTOCK_CHECK(message.substr(before.body_offset()) ==
                 std::string_view(edited).substr(after.body_offset()));
  PENSTOCK_CHECK(Apply(*Make(message.substr(0, before.body_offset()), kind, name, text), message) ==
                 edited);

  const std::size_t count = after.FindAll(name).size();
  if (kind % 4 == 0) PENSTOCK_CHECK(count == before.FindAll(name).size() + 1);
  if (kind % 4 == 1) PENSTOCK_CHECK(count == 1);
  if (kind % 4 == 2) PENSTOCK_CHECK(count == 0);
  return 0;
}
