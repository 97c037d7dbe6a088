// SPDX-License-Identifier: Apache-2.0
// What tests/support/odd_messages.py makes, through the content check and the edits.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "engine/mail/content_check.h"
#include "engine/mail/content_scan.h"
#include "engine/mail/header_section.h"
#include "hooks/sdk/attachments.h"
#include "hooks/sdk/disclaimer.h"
#include "hooks/sdk/header_edit.h"

using namespace penstock;       // NOLINT(google-build-using-namespace)
using namespace penstock::sdk;  // NOLINT(google-build-using-namespace)
using penstock::mail::ContentFacts;
using penstock::mail::HeaderField;
using penstock::mail::HeaderSection;

namespace {

const std::map<std::string, std::string>& OddMessages() {
  static const auto kMessages = [] {
    std::map<std::string, std::string> messages;
    for (const auto& entry : std::filesystem::directory_iterator(PENSTOCK_ODD_MESSAGES)) {
      std::ifstream file(entry.path(), std::ios::binary);
      messages[entry.path().stem()] = {std::istreambuf_iterator<char>(file), {}};
    }
    return messages;
  }();
  return kMessages;
}

std::vector<std::string> OtherFields(std::string_view message, std::string_view name) {
  std::vector<std::string> fields;
  const HeaderSection header = HeaderSection::Scan(message);
  for (const HeaderField& field : header.fields()) {
    if (EqualsIgnoreAsciiCase(field.name, name)) continue;
    fields.emplace_back(message.substr(field.offset, field.length));
    if (!fields.back().ends_with('\n')) fields.back() += "\r\n";  // the last line had no end
  }
  return fields;
}

std::string BodyOf(std::string_view message) {
  return std::string(message.substr(HeaderSection::Scan(message).body_offset()));
}

void CheckOnlyChanged(const std::string& message, std::string_view name,
                      const StatusOr<Edit>& edit) {
  REQUIRE(edit.ok());
  const std::string edited = Apply(*edit, message);
  CHECK(OtherFields(edited, name) == OtherFields(message, name));
  CHECK(BodyOf(edited) == BodyOf(message));
  CHECK(Message(mail::CheckReplacement(mail::ScanContent(message, {}),
                                       mail::ScanContent(edited, {}))) == "");
}

}  // namespace

TEST_CASE("Odd messages: there are 300 at least", "[hook_sdk][odd_messages]") {
  CHECK(OddMessages().size() >= 300);
}

TEST_CASE("Odd messages: facts do not depend on pieces, and what came may be put back (M4)",
          "[hook_sdk][odd_messages]") {
  for (const auto& [name, message] : OddMessages()) {
    CAPTURE(name);
    const ContentFacts facts = mail::ScanContent(message, {});
    mail::ContentScan scan({});
    for (std::size_t at = 0; at < message.size(); at += 13)
      scan.Feed(std::string_view(message).substr(at, 13));
    CHECK(scan.Finish() == facts);
    CHECK(CheckReplacement(facts, facts).ok());
    CHECK(facts.octets == message.size());
  }
}

TEST_CASE("Odd messages: an edit of a header field changes that alone, and may be put (M4)",
          "[hook_sdk][odd_messages]") {
  for (const auto& [name, message] : OddMessages()) {
    CAPTURE(name);
    CheckOnlyChanged(message, "X-Added", AddField(message, "X-Added", "grün"));
    CheckOnlyChanged(message, "X-Folded", ReplaceField(message, "x-folded", "new"));
    CheckOnlyChanged(message, "Subject", RemoveField(message, "subject"));
    const StatusOr<Edit> tagged = TagSubject(message, "[EXT]");
    CheckOnlyChanged(message, "Subject", tagged);
    CHECK_FALSE(TagSubject(Apply(*tagged, message), "[EXT]")->changes());
  }
}

TEST_CASE("Odd messages: an edit of the body keeps the fields, and may be put or is refused (M4)",
          "[hook_sdk][odd_messages]") {
  std::size_t edited = 0;
  std::size_t refused = 0;
  for (const auto& [name, message] : OddMessages()) {
    CAPTURE(name);
    const auto all = [](const Attachment&) { return true; };
    for (const auto& edit :
         {AddDisclaimer(message, {.text = "außen", .html = "", .top = false}),
          AddDisclaimer(message, {.text = "outside", .html = "<p>x</p>", .top = true}),
          RemoveAttachments(message, all, "{name} is gone"), RemoveAttachments(message, all, "")}) {
      REQUIRE(edit.ok());
      if (!edit->refusal.empty()) CHECK_FALSE(edit->changes());
      (edit->changes() ? edited : refused) += 1;
      const std::string after = Apply(*edit, message);
      CHECK(Message(mail::CheckReplacement(mail::ScanContent(message, {}),
                                           mail::ScanContent(after, {}))) == "");
    }
  }
  CHECK(edited > 300);
  CHECK(refused > 100);
}
