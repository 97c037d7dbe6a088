// SPDX-License-Identifier: Apache-2.0
#include "engine/base/utf8.h"

#include <string>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"

using namespace penstock;  // NOLINT(google-build-using-namespace)

TEST_CASE("Utf8: well-formed text stays as it is", "[base][utf8]") {
  for (const std::string text : {"", "a", "b\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x93\xac",
                                 "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf"}) {
    CHECK(ToValidUtf8(text) == text);
  }
}

TEST_CASE("Utf8: one U+FFFD for each maximal subpart", "[base][utf8]") {
  const std::string r(kReplacementCharacter);

  struct {
    const char* what;
    std::string text;
    std::string want;
  } const cases[] = {
      {"a lone continuation octet", "a\x80z", "a" + r + "z"},
      {"an overlong slash", "\xc0\xaf", r + r},
      {"a surrogate", "\xed\xa0\x80", r + r + r},
      {"over U+10FFFF", "\xf4\x90\x80\x80", r + r + r + r},
      {"cut short before another character", "\xe2\x82z", r + "z"},
      {"cut short by the end", "\xf0\x9f\x93", r},
      {"no lead octet at all", "\xff\xfe", r + r},
  };

  for (const auto& c : cases) {
    CAPTURE(c.what);
    CHECK(ToValidUtf8(c.text) == c.want);
  }
}

TEST_CASE("CutCodePoints: counts code points, an ill-formed piece as one", "[base][utf8]") {
  CHECK(CutCodePoints("b\xc3\xbc!", 2) == "b\xc3\xbc");
  CHECK(CutCodePoints("\xe2\x82z!", 2) == "\xe2\x82z");
  CHECK(CutCodePoints("ab", 2) == "ab");
  CHECK(CutCodePoints("ab", 0).empty());
}

TEST_CASE("Utf8: every pair of octets becomes what IsValidUtf8 accepts", "[base][utf8]") {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string text = {static_cast<char>(first), static_cast<char>(second)};
      const std::string valid = ToValidUtf8(text);
      REQUIRE(IsValidUtf8(valid));
      REQUIRE((valid == text) == IsValidUtf8(text));
    }
  }
}
