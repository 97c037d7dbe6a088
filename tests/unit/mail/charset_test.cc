// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/charset.h"

#include <catch2/catch.hpp>

using namespace penstock::mail;  // NOLINT(google-build-using-namespace)

TEST_CASE("Charset: there and back", "[mail][charset]") {
  for (const char* charset : {"utf-8", "UTF8", "windows-1251", "KOI8-R", "utf-16le", "UTF-16BE"}) {
    CAPTURE(charset);
    const auto octets = FromUtf8("Привет\r\n", charset);
    REQUIRE(octets);
    CHECK(ToUtf8(*octets, charset) == "Привет\r\n");
  }
  CHECK(FromUtf8("日本", "ISO-2022-JP") == "\x1b$BF|K\\\x1b(B");
  CHECK(ToUtf8("\x1b$BF|K\\\x1b(B", "iso-2022-jp") == "日本");
  CHECK(FromUtf8(std::string(5000, 'a') + "日", "ISO-2022-JP") ==
        std::string(5000, 'a') + "\x1b$BF|\x1b(B");
}

TEST_CASE("Charset: nothing is replaced", "[mail][charset]") {
  CHECK_FALSE(FromUtf8("€", "iso-8859-1"));
  CHECK_FALSE(FromUtf8("ä", "us-ascii"));
  CHECK_FALSE(ToUtf8("\xe4", "us-ascii"));
  CHECK_FALSE(ToUtf8("\xe4", "utf-8"));
  CHECK_FALSE(ToUtf8("\x81", "windows-1252"));
  CHECK_FALSE(ToUtf8("\x1b$B", "no-charset"));
  CHECK_FALSE(ToUtf8("a", ""));
  CHECK_FALSE(ToUtf8("a", "utf-8//IGNORE"));
  CHECK_FALSE(FromUtf8("a", "us-ascii//TRANSLIT"));
}

TEST_CASE("Charset: utf-16 goes by its mark (RFC 2781 §4.3)", "[mail][charset]") {
  using namespace std::string_view_literals;
  CHECK(ToUtf8("\xff\xfe\xe4\0"sv, "UTF-16") == "ä");
  CHECK(ToUtf8("\xfe\xff\0\xe4"sv, "utf-16") == "ä");
  CHECK(ToUtf8("\0\xe4"sv, "utf-16") == "ä");
  CHECK_FALSE(ToUtf8("\0"sv, "utf-16"));
  CHECK_FALSE(FromUtf8("a", "utf-16"));
}
