// SPDX-License-Identifier: Apache-2.0
// The events that `hook check` sends: what mail brings sooner or later, one oddity each.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/flow/event.h"
#include "engine/rules/flow_rule.h"

namespace penstock::cli {

struct CheckEvent {
  std::string name;     // for --only: "null-subject"
  std::string summary;  // what is odd about it
  rules::InvocationMode mode = rules::InvocationMode::kSync;
  std::uint32_t attempt = 1;
  flow::Event event;
  std::vector<std::string> recipients;  // of the invocation, those that E5 cut too
};

// One plain inbound event for `recipient`, with ids of its own.
CheckEvent PlainEvent(const std::string& recipient);

// All of them, with fresh ids. Recipients of inbound mail are in `domain`.
std::vector<CheckEvent> CheckEvents(const std::string& domain);

}  // namespace penstock::cli
