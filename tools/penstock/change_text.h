// SPDX-License-Identifier: Apache-2.0
// Changes of resources for people.
#pragma once

#include <string>
#include <string_view>

#include "penstock/v1/changes.pb.h"

namespace penstock::cli {

// "hook screener", "rule spam (organization default, inbound)", of a resource name.
std::string ResourceText(std::string_view resource_name);

enum class Tense { kDone, kWould };

// "created hook screener"; "create hook screener".
std::string ChangeTitle(const v1::Change& change, Tense tense);

// The title and below it the lines of the resource, as YAML: "-" before those that go, "+" before
// those that come, and what stands around them.
std::string DifferenceText(const v1::Change& change, Tense tense);

}  // namespace penstock::cli
