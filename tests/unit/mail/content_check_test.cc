// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/content_check.h"

#include <string>

#include <catch2/catch.hpp>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/mail/content_scan.h"
#include "engine/mail/header_section.h"
#include "tests/support/vectors.h"
#include "tests/unit/mail/octets.h"

using namespace penstock;        // NOLINT(google-build-using-namespace)
using namespace penstock::mail;  // NOLINT(google-build-using-namespace)
using penstock::tests::Json;
using penstock::tests::LoadVectors;
using penstock::tests::Octets;

namespace {

ContentRules RulesOf(const Json& input) {
  ContentRules rules;
  if (input.contains("immutable_fields")) {
    rules.immutable_fields = input.at("immutable_fields").get<std::vector<std::string>>();
  }
  return rules;
}

std::string HeaderOf(const std::string& content) {
  return std::string(HeaderSection::Scan(content).octets());
}

}  // namespace

TEST_CASE("CheckReplacement: vectors", "[mail][content_check]") {
  for (const auto& v : LoadVectors("mail/content_check.json")) {
    DYNAMIC_SECTION(v.name) {
      const ContentRules rules = RulesOf(v.input);
      const std::string original = Octets(v.input.at("original"));
      const ContentFacts facts = ScanContent(Octets(v.input.at("replacement")), rules);
      const Status verdict = CheckReplacement(ScanContent(original, rules), facts);
      CHECK(Message(verdict) == Octets(v.want));
      CHECK((verdict.ok() || verdict.code() == StatusCode::kInvalidArgument));
      if (facts.defects.empty()) {
        CHECK(CheckReplacement(ScanContent(HeaderOf(original), rules), facts) == verdict);
      }
    }
  }
}

TEST_CASE("CheckReplacement: what came may always be put back", "[mail][content_check]") {
  for (const auto& v : LoadVectors("mail/content_check.json")) {
    for (const char* which : {"original", "replacement"}) {
      CAPTURE(v.name, which);
      const ContentFacts facts = ScanContent(Octets(v.input.at(which)), RulesOf(v.input));
      CHECK(CheckReplacement(facts, facts).ok());
    }
  }
}

TEST_CASE(
    "CheckReplacement: more defects than are remembered are forgiven if the original had them",
    "[mail][content_check]") {
  const std::string header =
      "From: a@a.example\r\nDate: Sat, 21 Nov 2026 19:48:00 +0000\r\n"
      "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
  const auto message = [&](std::size_t broken) {
    std::string text = header;
    for (std::size_t i = 0; i < broken; ++i)
      text += Cat("--b\r\nContent-Transfer-Encoding: base64\r\n\r\n", i, "!\r\n");
    return ScanContent(text + "--b--\r\n", {});
  };
  const ContentFacts most = message(limits::kDefectsOfAKindMax);
  const ContentFacts more = message(limits::kDefectsOfAKindMax + 1);
  CHECK(most.overflowed.empty());
  CHECK(more.overflowed == std::vector<DefectKind>{DefectKind::kNotBase64});
  CHECK(more.defects.size() == limits::kDefectsOfAKindMax);
  CHECK(CheckReplacement(more, message(5000)).ok());
  CHECK(CheckReplacement(more, most).ok());
  CHECK(Message(CheckReplacement(most, more)) ==
        "message: there are octets outside the alphabet of base64 in more than 256 places; encode "
        "the part again, or correct its Content-Transfer-Encoding");
}
