// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/quoted_printable.h"

#include <string>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "tests/support/vectors.h"
#include "tests/unit/mail/octets.h"

using namespace penstock;        // NOLINT(google-build-using-namespace)
using namespace penstock::mail;  // NOLINT(google-build-using-namespace)
using penstock::tests::LoadVectors;
using penstock::tests::Octets;

TEST_CASE("EncodeQuotedPrintable: vectors", "[mail][quoted_printable]") {
  for (const auto& v : LoadVectors("mail/quoted_printable.json")) {
    DYNAMIC_SECTION(v.name) {
      const std::string encoded = EncodeQuotedPrintable(Octets(v.input));
      CHECK(encoded == Octets(v.want));
      for (const std::string_view line : Split(encoded, '\n'))
        CHECK(line.size() <= 77);
    }
  }
}

TEST_CASE("DecodeQuotedPrintable: what was encoded comes back", "[mail][quoted_printable]") {
  for (const auto& v : LoadVectors("mail/quoted_printable.json")) {
    CAPTURE(v.name);
    const auto decoded = DecodeQuotedPrintable(Octets(v.want));
    REQUIRE(decoded);
    CHECK(EncodeQuotedPrintable(*decoded) == Octets(v.want));
  }
}

TEST_CASE("DecodeQuotedPrintable: line ends stay, white space before them does not (RFC 2045 §6.7)",
          "[mail][quoted_printable]") {
  CHECK(DecodeQuotedPrintable("a=3Db\nc \t\r\n=e4=E4") == "a=b\nc\r\n\xe4\xe4");
  CHECK(DecodeQuotedPrintable("soft=\r\nline= \nend=") == "softlineend");
  CHECK(DecodeQuotedPrintable("") == "");
  CHECK_FALSE(DecodeQuotedPrintable("a=b\r\n"));
  CHECK_FALSE(DecodeQuotedPrintable("=4"));
  CHECK_FALSE(DecodeQuotedPrintable("=ZZ"));
}
