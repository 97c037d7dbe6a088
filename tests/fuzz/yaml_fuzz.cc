// SPDX-License-Identifier: Apache-2.0
// A configuration in YAML: what is read and written reads the same again; every fault names its
// place.
// Covers: engine/wire/yaml.cc engine/wire/yaml_scalar.cc engine/wire/output.cc
// Covers: engine/wire/proto_time.cc
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <google/protobuf/util/message_differencer.h>

#include "engine/base/check.h"
#include "engine/base/status.h"
#include "engine/base/strings.h"
#include "engine/wire/output.h"
#include "engine/wire/yaml.h"

#include "penstock/v1/config.pb.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  penstock::v1::Config config;
  const penstock::Status status = penstock::wire::ReadYaml(text, "fuzz.yaml", &config);
  if (!status.ok()) {
    const std::string_view message = penstock::FromAbsl(status.message());
    PENSTOCK_CHECK(message.starts_with("fuzz.yaml:"));
    return 0;
  }
  const std::string yaml = penstock::wire::WriteYaml(config);
  penstock::v1::Config again;
  PENSTOCK_CHECK(penstock::wire::ReadYaml(yaml, "again.yaml", &again).ok());
  PENSTOCK_CHECK(google::protobuf::util::MessageDifferencer::Equals(config, again));
  PENSTOCK_CHECK(penstock::wire::WriteJson(config).ok());
  return 0;
}
