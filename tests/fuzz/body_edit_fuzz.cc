// SPDX-License-Identifier: Apache-2.0
// An edit of the body that is refused changes nothing; any other makes what may be put where the
// message was (SPEC M4), and the fields that do not speak of the body keep their octets.
// Input: an octet that chooses the edit, then a message.
// Covers: hooks/sdk/attachments.cc hooks/sdk/disclaimer.cc hooks/sdk/html_place.cc
// Covers: hooks/sdk/leaf_text.cc hooks/sdk/message_parts.cc engine/mail/base64.cc
// Covers: engine/mail/charset.cc engine/mail/quoted_printable.cc
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "engine/base/strings.h"
#include "engine/mail/content_check.h"
#include "engine/mail/content_scan.h"
#include "engine/mail/header_section.h"
#include "hooks/sdk/attachments.h"
#include "hooks/sdk/disclaimer.h"

using penstock::AsciiLower;
using penstock::StatusOr;
using penstock::mail::HeaderField;
using penstock::mail::HeaderSection;
using penstock::mail::ScanContent;
using penstock::sdk::Apply;
using penstock::sdk::Attachment;
using penstock::sdk::Edit;

namespace {

StatusOr<Edit> Make(std::string_view message, unsigned kind) {
  const auto all = [](const Attachment&) { return true; };
  const auto some = [](const Attachment& one) { return one.octets % 2 == 0; };
  switch (kind % 6) {
    case 0:
      return penstock::sdk::AddDisclaimer(message, {.text = "outside", .html = "", .top = false});
    case 1:
      return penstock::sdk::AddDisclaimer(message, {.text = "au\xc3\x9f"
                                                            "en\n> x",
                                                    .html = "",
                                                    .top = true});
    case 2:
      return penstock::sdk::AddDisclaimer(message,
                                          {.text = "\xe2\x82\xac & <", .html = "", .top = false});
    case 3:
      return penstock::sdk::AddDisclaimer(
          message, {.text = "x", .html = "<i>\xe2\x82\xac</i>", .top = true});
    case 4:
      return penstock::sdk::RemoveAttachments(message, all, "{name}, {type}, {octets} octets");
    default:
      return penstock::sdk::RemoveAttachments(message, some, "");
  }
}

std::string OtherFields(std::string_view message) {
  std::string fields;
  const HeaderSection header = HeaderSection::Scan(message);
  for (const HeaderField& field : header.fields()) {
    const std::string name = AsciiLower(field.name);
    if (name.starts_with("content-") || name == "mime-version") continue;
    fields.append(message.substr(field.offset, field.length));
    if (!fields.ends_with('\n')) fields += "\r\n";
  }
  return fields;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view message(reinterpret_cast<const char*>(data) + 1, size - 1);
  const StatusOr<Edit> edit = Make(message, data[0]);
  PENSTOCK_CHECK(edit.ok());
  PENSTOCK_CHECK(edit->refusal.empty() || !edit->changes());
  std::size_t from = 0;
  for (const auto& splice : edit->splices) {
    PENSTOCK_CHECK(splice.offset >= from && splice.offset + splice.octets <= message.size());
    from = splice.offset + splice.octets;
  }
  const std::string edited = Apply(*edit, message);
  PENSTOCK_CHECK(OtherFields(edited) == OtherFields(message));
  PENSTOCK_CHECK(CheckReplacement(ScanContent(message, {}), ScanContent(edited, {})).ok());
  return 0;
}
