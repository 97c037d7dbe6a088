// SPDX-License-Identifier: Apache-2.0
#include "engine/rules/organization.h"

#include <catch2/catch.hpp>

#include "tests/support/rule_vectors.h"
#include "tests/support/vectors.h"

using namespace penstock;         // NOLINT(google-build-using-namespace)
using namespace penstock::rules;  // NOLINT(google-build-using-namespace)
using tests::LoadVectors;
using tests::Vector;

TEST_CASE("DomainTable: who owns an address", "[rules][organization]") {
  for (const Vector& v : LoadVectors("rules/organization.json")) {
    DYNAMIC_SECTION(v.name) {
      std::vector<Organization> organizations;
      for (const auto& o : v.input.at("organizations"))
        organizations.push_back({o.at("name"), tests::TextsFromJson(o, "domains")});
      const auto table = DomainTable::Build(organizations);
      if (v.want.is_object()) {
        CHECK(std::string(Message(table.status())) == v.want.at("refused").get<std::string>());
        continue;
      }
      INFO(Message(table.status()));
      REQUIRE(table.ok());
      std::vector<std::string> owners;
      for (const std::string& address : tests::TextsFromJson(v.input, "ask")) {
        CAPTURE(address);
        const std::string_view owner = table->OwnerOfKey(mail::AddressKey(address));
        owners.emplace_back(owner);
        const auto mailbox = mail::Mailbox::Parse(address);
        if (!mailbox.ok()) continue;
        CHECK(table->Owner(*mailbox) == owner);
        for (const Organization& organization : organizations)
          CHECK(table->Owns(organization.name, *mailbox) == (organization.name == owner));
        CHECK_FALSE(table->Owns("", *mailbox));
      }
      CHECK(owners == v.want.get<std::vector<std::string>>());
    }
  }
}

TEST_CASE("DomainTable: a domain of two organizations is told from a bad name",
          "[rules][organization]") {
  const std::vector<Organization> organizations = {{"a", {"example.com"}}, {"b", {"example.com"}}};
  CHECK(DomainTable::Build(organizations).status().code() == StatusCode::kAlreadyExists);
  CHECK(DomainTable::Build(std::vector<Organization>{{"", {}}}).status().code() ==
        StatusCode::kInvalidArgument);
  CHECK(DomainTable().OwnerOfDomain("example.com").empty());
}
