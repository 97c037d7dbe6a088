// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/convert_organization.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "penstock/v1/organizations.pb.h"

namespace penstock::wire {

TEST_CASE("Organization: domains in normal form, sorted, each once", "[wire][organization][O1]") {
  v1::Organization proto;
  proto.set_name("organizations/acme");
  for (const char* domain : {"example.net", "Bücher.example", "EXAMPLE.com.", "example.com"}) {
    proto.add_domains(domain);
  }
  const rules::Organization organization = FromProto(proto).value();
  CHECK(organization.name == "acme");
  CHECK(organization.domains ==
        std::vector<std::string>{"example.com", "example.net", "xn--bcher-kva.example"});
  const v1::Organization back = ToProto(organization);
  CHECK(back.name() == "organizations/acme");
  CHECK(back.domains_size() == 3);
  CHECK(FromProto(back).value() == organization);
  CHECK(back.etag() == ToProto(FromProto(back).value()).etag());
}

TEST_CASE("Organization: a fault begins with its field", "[wire][organization]") {
  v1::Organization proto;
  proto.set_name("acme");
  CHECK(Message(FromProto(proto).status()).starts_with("name: \"acme\": expected "));
  proto.set_name("organizations/acme");
  proto.add_domains("example.com");
  proto.add_domains("not a domain");
  CHECK(Message(FromProto(proto).status()).starts_with("domains[1]: "));
}

}  // namespace penstock::wire
