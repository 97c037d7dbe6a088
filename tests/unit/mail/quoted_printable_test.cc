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
