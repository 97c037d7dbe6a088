// SPDX-License-Identifier: Apache-2.0
// Edits of the body: disclaimer.h, attachments.h.
#include <algorithm>
#include <string>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "engine/mail/content_check.h"
#include "engine/mail/content_scan.h"
#include "hooks/sdk/attachments.h"
#include "hooks/sdk/disclaimer.h"
#include "tests/support/vectors.h"
#include "tests/unit/mail/octets.h"

using namespace penstock;       // NOLINT(google-build-using-namespace)
using namespace penstock::sdk;  // NOLINT(google-build-using-namespace)
using penstock::tests::Json;
using penstock::tests::LoadVectors;
using penstock::tests::Octets;

namespace {

StatusOr<Edit> Make(const std::string& message, const Json& edit) {
  const std::string kind = edit.at("kind");
  const auto text = [&](const char* key) {
    return edit.contains(key) ? Octets(edit.at(key)) : std::string();
  };
  if (kind == "disclaimer") {
    return AddDisclaimer(message, {text("text"), text("html"), edit.value("top", false)});
  }
  if (kind != "attachments") throw std::runtime_error("no such edit: " + kind);
  const auto remove = [&](const Attachment& one) {
    const std::string end = text("name_end");
    const bool named =
        end.empty() || std::any_of(one.names.begin(), one.names.end(),
                                   [&end](const std::string& name) { return name.ends_with(end); });
    return named && one.type.starts_with(text("type_start")) &&
           one.octets >= edit.value("octets_min", 0U);
  };
  return RemoveAttachments(message, remove, text("note"));
}

}  // namespace

TEST_CASE("Body edits: vectors", "[hook_sdk][body_edit]") {
  for (const auto& v : LoadVectors("mail/body_edit.json")) {
    DYNAMIC_SECTION(v.name) {
      const std::string message = Octets(v.input.at("message"));
      const StatusOr<Edit> edit = Make(message, v.input.at("edit"));
      if (v.want.contains("error")) {
        REQUIRE(!edit.ok());
        CHECK(Message(edit.status()) == v.want.at("error").get<std::string>());
        continue;
      }
      REQUIRE(edit.ok());
      CHECK(edit->refusal == v.want.value("refusal", std::string()));
      CHECK(Join(edit->warnings, "|") == v.want.value("warnings", std::string()));
      CHECK(Apply(*edit, message) ==
            (v.want.contains("message") ? Octets(v.want.at("message")) : message));
    }
  }
}

TEST_CASE("Body edits: what they make may be put (M4)", "[hook_sdk][body_edit]") {
  for (const auto& v : LoadVectors("mail/body_edit.json")) {
    if (!v.want.contains("message")) continue;
    CAPTURE(v.name);
    const auto facts = [](const Json& octets) { return mail::ScanContent(Octets(octets), {}); };
    CHECK(Message(mail::CheckReplacement(facts(v.input.at("message")),
                                         facts(v.want.at("message")))) == "");
  }
}
