// SPDX-License-Identifier: Apache-2.0
#include "hooks/sdk/header_edit.h"

#include <string>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "engine/mail/header_section.h"
#include "tests/support/vectors.h"
#include "tests/unit/mail/octets.h"

using namespace penstock;       // NOLINT(google-build-using-namespace)
using namespace penstock::sdk;  // NOLINT(google-build-using-namespace)
using penstock::mail::HeaderSection;
using penstock::tests::Json;
using penstock::tests::LoadVectors;
using penstock::tests::Octets;

namespace {

StatusOr<Edit> Make(const std::string& header_section, const Json& edit) {
  const std::string kind = edit.at("kind");
  const auto text = [&](const char* key) { return Octets(edit.at(key)); };
  if (kind == "add_field") return AddField(header_section, text("name"), text("text"));
  if (kind == "replace_field") return ReplaceField(header_section, text("name"), text("text"));
  if (kind == "remove_field") return RemoveField(header_section, text("name"));
  if (kind == "tag_subject") return TagSubject(header_section, text("tag"));
  throw std::runtime_error("no such edit: " + kind);
}

}  // namespace

TEST_CASE("Header edits: vectors", "[hook_sdk][header_edit]") {
  for (const auto& v : LoadVectors("mail/header_edit.json")) {
    DYNAMIC_SECTION(v.name) {
      const std::string message = Octets(v.input.at("message"));
      const StatusOr<Edit> edit = Make(message, v.input.at("edit"));
      if (v.want.contains("error")) {
        REQUIRE(!edit.ok());
        CHECK(Message(edit.status()) == v.want.at("error").get<std::string>());
        continue;
      }
      REQUIRE(edit.ok());
      CHECK(Apply(*edit, message) == Octets(v.want.at("message")));
      // The header section is all that is needed, and the edit is the same.
      const auto body = HeaderSection::Scan(message).body_offset();
      CHECK(Make(message.substr(0, body), v.input.at("edit"))->splices == edit->splices);
    }
  }
}
