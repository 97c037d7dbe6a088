// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/xtext.h"

#include <optional>
#include <string>

#include <catch2/catch.hpp>

#include "tests/support/vectors.h"
#include "tests/unit/mail/octets.h"

using namespace penstock::mail;  // NOLINT(google-build-using-namespace)
using penstock::tests::LoadVectors;
using penstock::tests::Octets;

TEST_CASE("DecodeXtext: vectors", "[mail][xtext]") {
  for (const auto& v : LoadVectors("mail/xtext.json")) {
    DYNAMIC_SECTION(v.name) {
      const auto text = DecodeXtext(Octets(v.input));
      if (v.want.is_null()) {
        CHECK_FALSE(text);
      } else {
        CHECK(text == Octets(v.want));
      }
    }
  }
}

TEST_CASE("EncodeXtext: every octet comes back, in printable ASCII", "[mail][xtext]") {
  std::string printable;
  for (int c = 0x20; c < 0x7f; ++c)
    printable += static_cast<char>(c);
  for (const std::string& text : {printable, std::string("Grüße+=\\"), std::string()}) {
    const std::string xtext = EncodeXtext(text);
    for (const char c : xtext)
      CHECK((c > ' ' && c < 0x7f && c != '='));
    CHECK(DecodeXtext(xtext) == text);
  }
  CHECK(EncodeXtext("a b\r\n") == "a+20b+0D+0A");  // never a line of its own
}
