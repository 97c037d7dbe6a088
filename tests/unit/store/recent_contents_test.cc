// SPDX-License-Identifier: Apache-2.0
#include "engine/store/recent_contents.h"

#include <string>

#include <catch2/catch.hpp>

namespace penstock::store {
namespace {

std::string OctetsOf(const RecentContents& contents, std::uint64_t number) {
  const auto content = contents.Find(number);
  if (content == nullptr) return "none";
  std::string octets(static_cast<std::size_t>(content->octets()), '\0');
  return octets.substr(0, content->Read(0, octets).value()) == octets ? octets : "cut short";
}

}  // namespace

TEST_CASE("RecentContents: has what was added, until it is removed", "[store]") {
  RecentContents contents(100);
  contents.Add(7, "seven");
  contents.Add(8, "");
  CHECK(OctetsOf(contents, 7) == "seven");
  CHECK(OctetsOf(contents, 8).empty());
  CHECK(OctetsOf(contents, 9) == "none");
  contents.Remove(7);
  contents.Remove(7);
  CHECK(OctetsOf(contents, 7) == "none");
}

TEST_CASE("RecentContents: beyond its bound the oldest go, and one that is read stays readable",
          "[store]") {
  RecentContents contents(10);
  contents.Add(1, "aaaa");
  contents.Add(2, "bbbb");
  const auto oldest = contents.Find(1);
  contents.Add(3, "cc");
  CHECK(OctetsOf(contents, 1) == "aaaa");
  contents.Add(4, "d");
  CHECK(OctetsOf(contents, 1) == "none");
  CHECK(OctetsOf(contents, 2) == "bbbb");
  CHECK(oldest->octets() == 4);
  contents.Add(5, "longer than all together may be");
  for (const std::uint64_t number : {2, 3, 4, 5})
    CHECK(OctetsOf(contents, number) == "none");
  contents.Add(6, "ffffffffff");
  CHECK(OctetsOf(contents, 6) == "ffffffffff");
}

}  // namespace penstock::store
