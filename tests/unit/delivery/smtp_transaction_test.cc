// SPDX-License-Identifier: Apache-2.0
#include "engine/delivery/smtp_transaction.h"

#include <string>

#include <catch2/catch.hpp>

#include "tests/support/vectors.h"

using penstock::delivery::MarkingFields;
using penstock::delivery::WithoutMarking;
using penstock::delivery::WithSubaddress;
using penstock::tests::LoadVectors;

TEST_CASE("WithSubaddress: vectors", "[delivery][smtp]") {
  for (const auto& v : LoadVectors("delivery/subaddress.json")) {
    DYNAMIC_SECTION(v.name) {
      CHECK(WithSubaddress(v.input.get<std::string>(), "Junk") == v.want.get<std::string>());
    }
  }
}

TEST_CASE("WithoutMarking: vectors", "[delivery][smtp]") {
  MarkingFields marking;
  marking.junk.subaddress = "Junk";
  marking.bypass_spam_check.subaddress = "nospam";
  for (const auto& v : LoadVectors("delivery/without_marking.json")) {
    DYNAMIC_SECTION(v.name) {
      CHECK(WithoutMarking(v.input.get<std::string>(), marking) == v.want.get<std::string>());
      CHECK(WithoutMarking(v.input.get<std::string>(), {}) == v.input.get<std::string>());
    }
  }
}
