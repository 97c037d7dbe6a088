// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/mailbox.h"

#include <set>
#include <string>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "tests/support/vectors.h"
#include "tests/unit/mail/octets.h"

using namespace penstock;        // NOLINT(google-build-using-namespace)
using namespace penstock::mail;  // NOLINT(google-build-using-namespace)
using penstock::tests::LoadVectors;
using penstock::tests::Octets;

TEST_CASE("Mailbox: vectors", "[mail][mailbox]") {
  for (const auto& v : LoadVectors("mail/mailbox.json")) {
    DYNAMIC_SECTION(v.name) {
      const std::string input = Octets(v.input);
      const StatusOr<Mailbox> mailbox = Mailbox::Parse(input);
      if (v.want.contains("error")) {
        REQUIRE_FALSE(mailbox.ok());
        CHECK(mailbox.status().code() == StatusCode::kInvalidArgument);
        CHECK(Message(mailbox.status()) == Octets(v.want.at("error")));
        CHECK(AddressKey(input) == AsciiLower(input));
        continue;
      }
      INFO(mailbox.status());
      REQUIRE(mailbox.ok());
      CHECK(mailbox->local_part == Octets(v.want.at("local_part")));
      CHECK(mailbox->domain == Octets(v.want.at("domain")));
      CHECK(mailbox->Key() == Octets(v.want.at("key")));
      CHECK(mailbox->ToString() == input);
      CHECK(AddressKey(input) == mailbox->Key());
    }
  }
}

TEST_CASE("Mailbox: a key parses and is its own key", "[mail][mailbox]") {
  int keys = 0;
  for (const auto& v : LoadVectors("mail/mailbox.json")) {
    if (v.want.contains("error")) continue;
    CAPTURE(v.name);
    const std::string key = Octets(v.want.at("key"));
    const StatusOr<Mailbox> again = Mailbox::Parse(key);
    REQUIRE(again.ok());
    CHECK(again->Key() == key);
    ++keys;
  }
  CHECK(keys > 10);
}

TEST_CASE("NormalizeDomain: vectors", "[mail][domain]") {
  for (const auto& v : LoadVectors("mail/domain.json")) {
    DYNAMIC_SECTION(v.name) {
      const StatusOr<std::string> domain = NormalizeDomain(Octets(v.input));
      if (v.want.is_object() && v.want.contains("error")) {
        REQUIRE_FALSE(domain.ok());
        CHECK(domain.status().code() == StatusCode::kInvalidArgument);
        CHECK(Message(domain.status()) == Octets(v.want.at("error")));
        continue;
      }
      INFO(domain.status());
      REQUIRE(domain.ok());
      CHECK(*domain == Octets(v.want));
      CHECK(*NormalizeDomain(*domain) == *domain);
    }
  }
}

TEST_CASE("Mailbox: one that was put together by hand has a key whatever it holds",
          "[mail][mailbox]") {
  CHECK(Mailbox{"A..B", "Bad Domain"}.Key() == "a..b@bad domain");
  CHECK(Mailbox{"\"", "[X]"}.Key() == "\"@[x]");
}
