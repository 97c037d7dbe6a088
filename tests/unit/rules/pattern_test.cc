// SPDX-License-Identifier: Apache-2.0
#include "engine/rules/pattern.h"

#include <catch2/catch.hpp>

#include "engine/mail/mailbox.h"
#include "engine/rules/pattern_index.h"
#include "tests/support/vectors.h"

using namespace penstock;         // NOLINT(google-build-using-namespace)
using namespace penstock::rules;  // NOLINT(google-build-using-namespace)
using tests::LoadVectors;
using tests::Vector;

namespace {

std::string KindName(PatternKind kind) {
  switch (kind) {
    case PatternKind::kAny:
      return "any";
    case PatternKind::kWildcardDomain:
      return "wildcard";
    case PatternKind::kDomain:
      return "domain";
    case PatternKind::kAddress:
      return "address";
  }
  return {};
}

}  // namespace

TEST_CASE("Pattern: the four forms are taken, all else is refused with the offending text",
          "[rules][pattern]") {
  for (const Vector& v : LoadVectors("rules/pattern.json")) {
    DYNAMIC_SECTION(v.name) {
      const std::string text = v.input.at("pattern");
      const StatusOr<Pattern> pattern = Pattern::Parse(text);
      if (v.want.contains("refused")) {
        REQUIRE_FALSE(pattern.ok());
        CHECK(pattern.status().code() == StatusCode::kInvalidArgument);
        CHECK_THAT(std::string(Message(pattern.status())),
                   Catch::Contains(std::string(v.want.at("refused"))));
        continue;
      }
      INFO(Message(pattern.status()));
      REQUIRE(pattern.ok());
      CHECK(KindName(pattern->kind) == v.want.at("kind"));
      CHECK(pattern->key == v.want.at("key"));
      CHECK(pattern->specificity().ToString() == v.want.at("level"));
      CHECK(pattern->ToString() == v.want.at("normal"));
      const StatusOr<Pattern> again = Pattern::Parse(pattern->ToString());
      REQUIRE(again.ok());
      CHECK(*again == *pattern);
    }
  }
}

TEST_CASE("Pattern: which addresses it matches, alone and in an index", "[rules][pattern]") {
  for (const Vector& v : LoadVectors("rules/pattern_match.json")) {
    DYNAMIC_SECTION(v.name) {
      const StatusOr<Pattern> pattern = Pattern::Parse(std::string(v.input.at("pattern")));
      REQUIRE(pattern.ok());
      const std::string address = v.input.at("address");
      REQUIRE(mail::Mailbox::Parse(address).ok());
      const std::string key = mail::AddressKey(address);
      CHECK(pattern->Matches(key) == v.want.get<bool>());

      PatternIndex index;
      index.Add(*pattern);
      index.Freeze(std::vector<HoldersId>{0});
      PatternMatches found;
      index.FindSpecific(key, found);
      index.FindAny(found);
      REQUIRE(found.size() == (v.want.get<bool>() ? 1 : 0));
      if (!found.empty()) {
        CHECK(found.front().ToString() == pattern->ToString());
        CHECK(found.front().level == pattern->specificity());
      }
    }
  }
}

TEST_CASE("Specificity: address, domain, longer wildcard, shorter wildcard, any",
          "[rules][pattern]") {
  const Specificity in_order[] = {
      {PatternKind::kAddress, 0},
      {PatternKind::kDomain, 0},
      {PatternKind::kWildcardDomain, 128},
      {PatternKind::kWildcardDomain, 3},
      {PatternKind::kWildcardDomain, 2},
      {PatternKind::kWildcardDomain, 1},
      {PatternKind::kAny, 0},
  };
  for (std::size_t i = 0; i + 1 < std::size(in_order); ++i) {
    CAPTURE(i);
    CHECK(in_order[i] > in_order[i + 1]);
  }
  CHECK(Specificity(PatternKind::kWildcardDomain, 128).kind() == PatternKind::kWildcardDomain);
  CHECK(Specificity(PatternKind::kWildcardDomain, 128).labels() == 128);
}

TEST_CASE("PatternIndex: a name that is longer than any domain is matched by nothing specific",
          "[rules][pattern]") {
  PatternIndex index;
  index.Add(*Pattern::Parse("*.com"));
  index.Freeze(std::vector<HoldersId>{0});
  PatternMatches found;
  index.FindSpecific("u@a.com", found);
  CHECK(found.size() == 1);
  std::string hostile = "u@";
  for (int i = 0; i < 1000; ++i)
    hostile += "a.";
  index.FindSpecific(hostile + "com", found);
  CHECK(found.size() == 1);
}
