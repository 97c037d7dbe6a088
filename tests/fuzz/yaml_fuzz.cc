// SPDX-License-Identifier: Apache-2.0
// A message in YAML: what is read and written reads the same again; every fault names its place.
// Input: perhaps an octet that says which message, then the text; else a configuration.
// Covers: engine/wire/yaml.cc engine/wire/yaml_scalar.cc engine/wire/output.cc
// Covers: engine/wire/proto_time.cc
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <google/protobuf/util/message_differencer.h>
#include <google/protobuf/wrappers.pb.h>

#include "engine/base/check.h"
#include "engine/base/status.h"
#include "engine/base/strings.h"
#include "engine/wire/output.h"
#include "engine/wire/yaml.h"

#include "penstock/v1/config.pb.h"
#include "penstock/v1/flow_rules.pb.h"
#include "penstock/v1/hooks.pb.h"
#include "penstock/v1/messages.pb.h"

namespace {

namespace pb = google::protobuf;

// Between them they have a field of every kind.
const pb::Message& TypeOf(std::uint8_t number) {
  switch (number) {
    case 0:
      return penstock::v1::Hook::default_instance();
    case 1:
      return penstock::v1::Message::default_instance();
    case 2:
      return penstock::v1::TestFlowRulesRequest::default_instance();
    case 3:
      return penstock::v1::UpdateFlowRuleRequest::default_instance();
    case 4:
      return pb::DoubleValue::default_instance();
    case 5:
      return pb::FloatValue::default_instance();
    case 6:
      return pb::UInt32Value::default_instance();
    case 7:
      return pb::UInt64Value::default_instance();
    default:
      return penstock::v1::Config::default_instance();
  }
}

bool AreEqual(const pb::Message& a, const pb::Message& b) {
  pb::util::MessageDifferencer differencer;
  pb::util::DefaultFieldComparator comparator;
  comparator.set_treat_nan_as_equal(true);
  differencer.set_field_comparator(&comparator);
  return differencer.Compare(a, b);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::uint8_t number = size == 0 ? 8 : data[0];
  if (number < 8) text.remove_prefix(1);
  const std::unique_ptr<pb::Message> message(TypeOf(number).New());
  penstock::wire::YamlPlaces places;
  const penstock::Status status =
      penstock::wire::ReadYaml(text, "fuzz.yaml", message.get(), &places);
  if (!status.ok()) {
    const std::string_view fault = penstock::FromAbsl(status.message());
    PENSTOCK_CHECK(fault.starts_with("fuzz.yaml:"));
    return 0;
  }
  PENSTOCK_CHECK(places.Where("listeners[0].name").starts_with("fuzz.yaml:"));
  const std::string yaml = penstock::wire::WriteYaml(*message);
  const std::unique_ptr<pb::Message> again(message->New());
  PENSTOCK_CHECK(penstock::wire::ReadYaml(yaml, "again.yaml", again.get()).ok());
  PENSTOCK_CHECK(AreEqual(*message, *again));
  penstock::wire::WriteJson(*message).status().IgnoreError();  // a time may be beyond what it knows
  return 0;
}
