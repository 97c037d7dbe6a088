// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/address_index.h"

#include <random>
#include <string>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "engine/mail/mailbox.h"

using namespace penstock;        // NOLINT(google-build-using-namespace)
using namespace penstock::flow;  // NOLINT(google-build-using-namespace)

TEST_CASE("AddressIndex: numbers in order of first insertion, keys as R3 says",
          "[flow][address_index]") {
  AddressIndex index(0);
  CHECK(index.Insert("Ann@Org.test").number == 0);
  CHECK(index.Insert("ben@org.test").inserted);
  const AddressIndex::Found again = index.Insert("\"ann\"@ORG.TEST.");
  CHECK(again.number == 0);
  CHECK_FALSE(again.inserted);
  CHECK(again.key == "ann@org.test");
  CHECK(index
            .Insert("x@b\xc3\xbc"
                    "cher.test")
            .key == "x@xn--bcher-kva.test");
  CHECK(index.size() == 3);
}

TEST_CASE("AddressIndex: a key is found whichever way it was made", "[flow][address_index]") {
  // Each pair: the quick way, and one that must parse. Local parts of every length around a word.
  for (std::size_t length = 1; length <= 64; ++length) {
    const std::string local(length, 'l');
    AddressIndex index(2);
    CHECK(index.Insert(local + "@org.test").inserted);
    CHECK_FALSE(index.Insert("\"" + local + "\"@ORG.test").inserted);
    CHECK_FALSE(index.Insert(local + "@org.TEST.").inserted);
  }
  // No address, but text that is longer than the quick way takes.
  const std::string long_text(300, 'T');
  AddressIndex index(0);
  CHECK(index.Insert(long_text).inserted);
  CHECK_FALSE(index.Insert(AsciiLower(long_text)).inserted);
  CHECK(index.Insert("").inserted);
  CHECK_FALSE(index.Insert("").inserted);
}

TEST_CASE("AddressIndex: addresses that differ little keep apart", "[flow][address_index]") {
  AddressIndex index(0);
  for (int i = 0; i < 200'000; ++i)
    index.Insert(Cat("user", i, "@a", i % 3, ".test"));
  CHECK(index.size() == 200'000);
}

TEST_CASE("AddressIndex: the quick key is mail::AddressKey's, whatever the text",
          "[flow][address_index]") {
  // Every text of up to four pieces of what could make a difference, and each length around a word.
  const std::string pieces[] = {"a",    "Z",      "@", ".",    "\"",
                                "\\",   " ",      "[", "]",    "\xc3\xbc",
                                "\xff", "{",      "`", "\x7f", std::string(1, '\0'),
                                "xN--", "@B.test"};
  AddressIndex index(0);
  const auto check = [&index](const std::string& text) {
    if (index.Insert(text).key != mail::AddressKey(text)) FAIL(text);
  };
  for (const auto& a : pieces) {
    check(a);
    for (const auto& b : pieces) {
      check(a + b);
      for (const auto& c : pieces) {
        for (const auto& d : pieces)
          check(a + b + c + d);
      }
    }
  }
  for (std::size_t length = 0; length < 400; ++length) {
    check(std::string(length, 'Q') + "@ORG.test");
    check("\"Q\"@" + std::string(length, 'O') + ".test");
  }
}

TEST_CASE("AddressIndex: every octet that can be in ASCII is lowered as AsciiLower does",
          "[flow][address_index]") {
  std::mt19937 random(7);
  std::uniform_int_distribution<int> octet(0, 127);
  for (int round = 0; round < 20'000; ++round) {
    std::string text(static_cast<std::size_t>(round % 41), '\0');
    for (char& c : text)
      c = static_cast<char>(octet(random));
    text = "x" + text + "x";  // neither a quote first nor a dot last: the quick way
    AddressIndex index(1);
    REQUIRE(index.Insert(text).key == AsciiLower(text));
  }
}
