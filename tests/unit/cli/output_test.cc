// SPDX-License-Identifier: Apache-2.0
#include "tools/penstock/output.h"

#include <catch2/catch.hpp>

namespace penstock::cli {

TEST_CASE("TerminalText: control characters move no cursor and forge no line", "[cli][output]") {
  CHECK(TerminalText("plain text, naïve, 日本") == "plain text, naïve, 日本");
  CHECK(TerminalText("a\x1b[2Jb") == "a\\x1b[2Jb");
  CHECK(TerminalText("a\nb\r\tc\x7f") == "a\\x0ab\\x0d\\x09c\\x7f");
  CHECK(TerminalText("a\xc2\x9b"
                     "31m") == "a\\x9b31m");  // C1 CSI
  CHECK(TerminalText("\xc2\xa0") == "\xc2\xa0");
  CHECK(TerminalText("a\xff") == "a\xef\xbf\xbd");
  CHECK(TerminalText(std::string("a\0b", 3)) == "a\\x00b");
}

TEST_CASE("Table: columns are as wide as their widest cell, lines end without spaces",
          "[cli][output]") {
  Table table({"NAME", "WHAT"});
  table.Add({"é", ""});
  table.Add({"longer", "x"});
  CHECK(table.ToText("nothing") ==
        "NAME    WHAT\n"
        "é\n"
        "longer  x\n");
}

TEST_CASE("Table: without rows it says so", "[cli][output]") {
  CHECK(Table({"NAME"}).ToText("nothing here") == "nothing here\n");
}

TEST_CASE("Sheet: lines without a value are left out", "[cli][output]") {
  Sheet sheet;
  sheet.Add("Name", "x");
  sheet.Add("Nothing", "");
  sheet.Add("Much longer", "y\n");
  CHECK(sheet.ToText() ==
        "Name:         x\n"
        "Much longer:  y\\x0a\n");
}

}  // namespace penstock::cli
