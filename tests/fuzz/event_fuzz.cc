// SPDX-License-Identifier: Apache-2.0
// An event in JSON: what is read and written reads the same again; its octets are counted.
// Covers: engine/wire/event_json.cc engine/flow/event.cc engine/flow/json_text.cc
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "engine/flow/event.h"
#include "engine/wire/event_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto event = penstock::wire::ParseEventJson(text);
  if (!event.ok()) {
    PENSTOCK_CHECK(!event.status().message().empty());
    return 0;
  }
  std::string json;
  AppendJson(json, *event);
  PENSTOCK_CHECK(JsonOctets(*event) == json.size());
  // The shape before invocation ids were added has none, and is not written any more.
  if (event->invocation_id.empty()) return 0;
  const auto again = penstock::wire::ParseEventJson(json);
  PENSTOCK_CHECK(again.ok() && *again == *event);
  return 0;
}
