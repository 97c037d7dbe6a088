// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/yaml.h"

#include <memory>
#include <string>

#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/wrappers.pb.h>

#include <catch2/catch.hpp>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "tests/support/vectors.h"

#include "penstock/v1/config.pb.h"
#include "penstock/v1/flow_rules.pb.h"
#include "penstock/v1/hooks.pb.h"

namespace penstock::wire {
namespace {

// Returns an empty message of the type, which must be linked in.
std::unique_ptr<google::protobuf::Message> NewMessage(const std::string& type) {
  const auto* descriptor =
      google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(type);
  REQUIRE(descriptor != nullptr);
  const auto* prototype =
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(descriptor);
  return std::unique_ptr<google::protobuf::Message>(prototype->New());
}

// Keys in any order: a map has none.
nlohmann::json ToJson(const google::protobuf::Message& message) {
  std::string text;
  REQUIRE(google::protobuf::util::MessageToJsonString(message, &text).ok());
  return nlohmann::json::parse(text);
}

}  // namespace

TEST_CASE("ReadYaml: vectors", "[wire][yaml]") {
  v1::Config::descriptor();  // links what the vectors name
  v1::Hook::descriptor();
  v1::FlowRule::descriptor();
  google::protobuf::DoubleValue::descriptor();
  for (const tests::Vector& v : tests::LoadVectors("wire/yaml.json")) {
    DYNAMIC_SECTION(v.name) {
      const auto message = NewMessage(v.input.at("type"));
      const Status status =
          ReadYaml(v.input.at("yaml").get<std::string>(), "a.yaml", message.get());
      if (v.want.contains("error")) {
        CHECK(std::string(Message(status)) == v.want.at("error").get<std::string>());
      } else {
        CHECK(std::string(Message(status)).empty());
        CHECK(ToJson(*message) == nlohmann::json::parse(v.want.at("message").dump()));
      }
    }
  }
}

TEST_CASE("ReadYaml: text that is not UTF-8, or too long, is refused", "[wire][yaml]") {
  v1::Config config;
  CHECK(Message(ReadYaml("hostname: \xff", "a.yaml", &config)) ==
        "a.yaml:1:1: not UTF-8; expected a text file in UTF-8");
  const std::string huge(limits::kYamlOctetsMax + 1, ' ');
  CHECK(Message(ReadYaml(huge, "a.yaml", &config)) ==
        "a.yaml:1:1: 67108865 octets; expected at most 67108864");
}

TEST_CASE("ReadYaml: nesting without end is refused, not a crash", "[wire][yaml]") {
  v1::Config config;
  CHECK(Message(ReadYaml(std::string(100'000, '['), "a.yaml", &config))
            .ends_with("not YAML: nested too deep, or not text"));
  CHECK(!ReadYaml("listeners: &a\n- *a\n", "a.yaml", &config).ok());
}

TEST_CASE("ReadYaml: aliases of aliases do not unfold without end", "[wire][yaml]") {
  std::string networks = "listeners:\n- &l\n  trusted_networks: &n [";
  for (int i = 0; i < 3000; ++i)
    networks += "x,";
  networks += "]\n";
  for (int i = 0; i < 3000; ++i)
    networks += "- *l\n";
  v1::Config config;
  const Status status = ReadYaml(networks, "a.yaml", &config);
  REQUIRE(!status.ok());
  CHECK(Message(status).find(" values; expected fewer aliases") != std::string_view::npos);
}

TEST_CASE("ReadYaml: every fault is told, up to a bound", "[wire][yaml]") {
  std::string text;
  for (int i = 0; i < 60; ++i)
    Append(text, "wrong", i, "_key: 1\n");
  v1::Config config;
  const Status status = ReadYaml(text, "a.yaml", &config);
  CHECK(Split(Message(status), '\n').size() == limits::kYamlFaultsMax + 1);
  CHECK(Message(status).ends_with("\nand 10 more"));
}

TEST_CASE("YamlPlaces: finds a field, or what is around it", "[wire][yaml]") {
  v1::Config config;
  YamlPlaces places;
  REQUIRE(ReadYaml("hostname: a\nlisteners:\n  - name: x\n    listen: y\n  - name: z\n", "a.yaml",
                   &config, &places)
              .ok());
  CHECK(places.Where("hostname") == "a.yaml:1:1: hostname");
  CHECK(places.Where("listeners[0].listen") == "a.yaml:4:5: listeners[0].listen");
  CHECK(places.Where("listeners[1]") == "a.yaml:5:5: listeners[1]");
  CHECK(places.Where("listeners[1].direction") == "a.yaml:5:5: listeners[1].direction");
  CHECK(places.Where("routes.inbound") == "a.yaml:1:1: routes.inbound");
}

}  // namespace penstock::wire
