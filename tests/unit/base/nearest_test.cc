// SPDX-License-Identifier: Apache-2.0
#include "engine/base/nearest.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace penstock {
namespace {

const std::vector<std::string> kWords = {"listeners", "limits", "log", "hostname", "SMTP"};

}  // namespace

TEST_CASE("NearestWord: a letter left out, put in, changed or swapped is forgiven", "[base]") {
  CHECK(NearestWord("listners", kWords) == "listeners");
  CHECK(NearestWord("listeneers", kWords) == "listeners");
  CHECK(NearestWord("listenets", kWords) == "listeners");
  CHECK(NearestWord("lisetners", kWords) == "listeners");
  CHECK(NearestWord("hostnaem", kWords) == "hostname");
  CHECK(NearestWord("smtp", kWords) == "SMTP");
  CHECK(NearestWord("limit", kWords) == "limits");
}

TEST_CASE("NearestWord: what is too far from every word has none", "[base]") {
  CHECK(NearestWord("delivery", kWords) == std::nullopt);
  CHECK(NearestWord("lag", kWords) == "log");
  CHECK(NearestWord("lab", kWords) == std::nullopt);
  CHECK(NearestWord("", kWords) == std::nullopt);
  CHECK(NearestWord(std::string(100'000, 'l'), kWords) == std::nullopt);
  CHECK(NearestWord("log", {}) == std::nullopt);
}

}  // namespace penstock
