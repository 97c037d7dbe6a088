// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/manifest.h"

#include <string>

#include <catch2/catch.hpp>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/wire/yaml.h"
#include "tests/support/vectors.h"

#include "penstock/v1/manifest.pb.h"

namespace penstock::wire {
namespace {

// Vectors write texts of several lines as lists of them.
std::string Lines(const tests::Json& json) {
  std::string text;
  for (const auto& line : json)
    Append(text, line.get<std::string>(), "\n");
  return text;
}

}  // namespace

TEST_CASE("ReadManifest: vectors", "[wire][manifest]") {
  for (const tests::Vector& v : tests::LoadVectors("wire/manifest.json")) {
    DYNAMIC_SECTION(v.name) {
      const auto directory = ReadManifest(Lines(v.input), "flow.yaml");
      if (v.want.contains("faults")) {
        REQUIRE(!directory.ok());
        CHECK(directory.status().code() == StatusCode::kInvalidArgument);
        CHECK(Cat(Message(directory.status()), "\n") == Lines(v.want.at("faults")));
        continue;
      }
      CHECK(Message(directory.status()).empty());
      REQUIRE(directory.ok());
      const std::string written = WriteManifest(**directory);
      CHECK(written == Lines(v.want.at("written")));
      const auto again = ReadManifest(written, "written.yaml");
      CHECK(Message(again.status()).empty());
      REQUIRE(again.ok());
      CHECK(WriteManifest(**again) == written);
      CHECK((*again)->hooks().size() == (*directory)->hooks().size());
    }
  }
}

TEST_CASE("ReadManifest: faults are bounded, what is beyond is counted", "[wire][manifest]") {
  std::string text = "organizations: [{name: default}]\nrules:\n";
  for (int i = 0; i < 60; ++i)
    Append(text, "- {name: r", i, "}\n");
  const auto directory = ReadManifest(text, "flow.yaml");
  REQUIRE(!directory.ok());
  const auto lines = Split(Message(directory.status()), '\n');
  REQUIRE(lines.size() == limits::kYamlFaultsMax + 1);
  CHECK(lines.front() ==
        "flow.yaml:3:3: rules[0].direction: missing; expected INBOUND or OUTBOUND");
  CHECK(lines.back() == "and 10 more");
}

TEST_CASE("ReadManifest: gives the manifest and its places for later faults", "[wire][manifest]") {
  v1::Manifest manifest;
  YamlPlaces places;
  const std::string_view text =
      "organizations: [{name: default}]\n"
      "rules:\n"
      "  - name: partner\n"
      "    direction: outbound\n"
      "    sender_patterns: [\"*\"]\n"
      "    recipient_patterns: [partner.example]\n"
      "    verdict: {action: ROUTE_TO_GATEWAY, gateway: partner}\n";
  REQUIRE(ReadManifest(text, "flow.yaml", &manifest, &places).ok());
  CHECK(manifest.rules(0).verdict().gateway() == "partner");
  CHECK(Locate("rules[0].verdict.gateway: there is none\nand 3 more\nstore: disk full", places) ==
        "flow.yaml:7:41: rules[0].verdict.gateway: there is none\nand 3 more\nstore: disk full");
}

}  // namespace penstock::wire
