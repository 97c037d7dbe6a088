// SPDX-License-Identifier: Apache-2.0
#include "engine/base/utf8.h"

#include <catch2/catch.hpp>

#include "engine/base/strings.h"

using namespace penstock;  // NOLINT(google-build-using-namespace)

TEST_CASE("ToValidUtf8: each maximal ill-formed piece becomes one U+FFFD", "[base][utf8]") {
  CHECK(ToValidUtf8("gr\xc3\xbc\xc3\x9f \xf0\x9f\x93\xac") ==
        "gr\xc3\xbc\xc3\x9f \xf0\x9f\x93\xac");
  CHECK(ToValidUtf8("a\xff"
                    "b") ==
        "a\xef\xbf\xbd"
        "b");
  CHECK(ToValidUtf8("\xe2\x82") == "\xef\xbf\xbd");              // cut character
  CHECK(ToValidUtf8("\xe2\x82(") == "\xef\xbf\xbd(");            // the same, then ASCII
  CHECK(ToValidUtf8("\xc0\xaf") == "\xef\xbf\xbd\xef\xbf\xbd");  // overlong
  CHECK(ToValidUtf8("\xed\xa0\x80") == "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");  // surrogate
  CHECK(ToValidUtf8("") == "");
}

TEST_CASE("ToValidUtf8: every sequence of two octets gives what IsValidUtf8 accepts",
          "[base][utf8]") {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string text = {static_cast<char>(first), static_cast<char>(second)};
      const std::string valid = ToValidUtf8(text);
      REQUIRE(IsValidUtf8(valid));
      REQUIRE((valid == text) == IsValidUtf8(text));
    }
  }
}

TEST_CASE("CutCodePoints: never inside a code point", "[base][utf8]") {
  CHECK(CutCodePoints("abc", 2) == "ab");
  CHECK(CutCodePoints("abc", 3) == "abc");
  CHECK(CutCodePoints("\xc3\xbc\xc3\x9f", 1) == "\xc3\xbc");
  CHECK(CutCodePoints("\xf0\x9f\x93\xac!", 1) == "\xf0\x9f\x93\xac");
  CHECK(CutCodePoints("\xff\xff\xff", 2) == "\xff\xff");
  CHECK(CutCodePoints("abc", 0) == "");
}
