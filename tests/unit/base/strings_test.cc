// SPDX-License-Identifier: Apache-2.0
#include "engine/base/strings.h"

#include <catch2/catch.hpp>

using namespace penstock;  // NOLINT(google-build-using-namespace)

TEST_CASE("Cat: strings as they are, integers in decimal", "[base][strings]") {
  CHECK(Cat("a", std::string("b"), -7, std::size_t{42}) == "ab-742");
}

TEST_CASE("Split: empty pieces stay", "[base][strings]") {
  CHECK(Split("a,,b,", ',') == std::vector<std::string_view>{"a", "", "b", ""});
  CHECK(Split("", ',') == std::vector<std::string_view>{""});
}

TEST_CASE("Join: an empty first piece keeps its separator", "[base][strings]") {
  CHECK(Join({"", "a"}, ".") == ".a");
  CHECK(Join({"a", "b"}, ", ") == "a, b");
}

TEST_CASE("ParseInt: whole numbers only", "[base][strings]") {
  CHECK(ParseInt<int>("240") == 240);
  CHECK(ParseInt<int>("-1") == -1);
  CHECK_FALSE(ParseInt<int>("12x"));
  CHECK_FALSE(ParseInt<int>(""));
  CHECK_FALSE(ParseInt<unsigned char>("256"));
}

TEST_CASE("IsValidUtf8: overlong forms, surrogates and cut characters are refused",
          "[base][strings]") {
  CHECK(IsValidUtf8("gr\xc3\xbc\xc3\x9f"));
  CHECK(IsValidUtf8("\xf0\x9f\x93\xac"));
  CHECK_FALSE(IsValidUtf8("\xc0\xaf"));
  CHECK_FALSE(IsValidUtf8("\xed\xa0\x80"));
  CHECK_FALSE(IsValidUtf8("\xf4\x90\x80\x80"));
  CHECK_FALSE(IsValidUtf8("\xe2\x82"));
}

TEST_CASE("Printable: control bytes are written out and a long text is cut", "[base][strings]") {
  CHECK(Printable("a\r\nb") == "a\\x0d\\x0ab");
  CHECK(Printable("aaaa", 2) == "aa...");
  CHECK(Printable("\xff") == "?");
  CHECK(Printable("a\xff\xc3\xbc") == "a?\xc3\xbc");
  CHECK(Printable("a\xc3\xbc", 2) == "a...");
  CHECK(Printable("\xc3\xbc\xc3\xbc", 3) == "\xc3\xbc...");
}

TEST_CASE("IsAscii: no octet over 0x7f", "[base][strings]") {
  CHECK(IsAscii(""));
  CHECK(IsAscii(std::string_view("a\0\x7f", 3)));
  CHECK_FALSE(IsAscii("a\x80"));
}
