// SPDX-License-Identifier: Apache-2.0
// A manifest: what is read and written reads the same again, and makes the same directory; every
// fault names its place.
// Covers: engine/wire/manifest.cc
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "engine/base/status.h"
#include "engine/base/strings.h"
#include "engine/flow/directory_difference.h"
#include "engine/wire/manifest.h"

namespace {

void CheckFaults(std::string_view faults) {
  PENSTOCK_CHECK(!faults.empty());
  for (const std::string_view line : penstock::Split(faults, '\n'))
    PENSTOCK_CHECK(line.starts_with("fuzz.yaml:") || line.starts_with("and "));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto directory = penstock::wire::ReadManifest(text, "fuzz.yaml");
  if (!directory.ok()) {
    CheckFaults(penstock::Message(directory.status()));
    return 0;
  }
  const std::string yaml = penstock::wire::WriteManifest(**directory);
  const auto again = penstock::wire::ReadManifest(yaml, "again.yaml");
  PENSTOCK_CHECK(again.ok());
  PENSTOCK_CHECK(penstock::wire::WriteManifest(**again) == yaml);
  PENSTOCK_CHECK(penstock::flow::Difference(**directory, **again).empty());
  return 0;
}
