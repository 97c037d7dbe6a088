// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/marking.h"

#include <string>

#include <catch2/catch.hpp>

#include "tests/support/vectors.h"
#include "tests/unit/mail/octets.h"

using namespace penstock::mail;  // NOLINT(google-build-using-namespace)
using penstock::tests::LoadVectors;
using penstock::tests::Octets;

TEST_CASE("RemoveFields: vectors", "[mail][marking]") {
  for (const auto& v : LoadVectors("mail/remove_fields.json")) {
    DYNAMIC_SECTION(v.name) {
      std::vector<std::string> names;
      for (const auto& name : v.input.at("names"))
        names.push_back(name);
      CHECK(RemoveFields(Octets(v.input.at("header")), {names.begin(), names.end()}) ==
            Octets(v.want));
    }
  }
}

TEST_CASE("MakeField: one line, whatever the body holds", "[mail][marking]") {
  CHECK(MakeField("X-Junk", "yes") == "X-Junk: yes\r\n");
  CHECK(MakeField("X-Junk", "a\r\nB: c\xff\t") == "X-Junk: a??B: c??\r\n");
}

TEST_CASE("IsFieldName: printable ASCII without colon and space, up to 77 octets",
          "[mail][marking]") {
  CHECK(IsFieldName("X-Junk"));
  CHECK(IsFieldName(std::string(77, 'x')));
  CHECK_FALSE(IsFieldName(std::string(78, 'x')));
  for (const char* bad : {"", "X Junk", "X:", "X\t", "X\r\n", "X\xc3\xbc", "X\x7f"}) {
    CAPTURE(bad);
    CHECK_FALSE(IsFieldName(bad));
  }
}
