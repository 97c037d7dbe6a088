// SPDX-License-Identifier: Apache-2.0
// Reads an event from JSON, for the commands that take one from a file and for what others wrote.
// What we write is flow::AppendJson's text, always 2018-10-10.
#pragma once

#include <optional>
#include <string_view>

#include "engine/base/status.h"
#include "engine/flow/event.h"
#include "engine/rules/flow_rule.h"

namespace penstock::wire {

// Reads an event in each shape that WorkMail has written (SPEC E1): 2018-10-10, the same before
// invocationId and flowDirection were added, and 2019-07-28.
//   null counts as absent, and so does an empty invocationId. sender, subject, truncated,
//   invocationId and flowDirection may be absent. Unknown fields are skipped; of a repeated key the
//   last counts.
//   `absent_direction`: the direction of an event that names none; nullopt: that is an error.
//   Errors: kInvalidArgument naming the field, e.g. `envelope.recipients[1].address: missing`; also
//   for text that is not JSON (with line and column) or over limits::kEventFileOctetsMax.
StatusOr<flow::Event> ParseEventJson(
    std::string_view bytes,
    std::optional<rules::FlowDirection> absent_direction = rules::FlowDirection::kInbound);

// Checks a messageId or invocationId: 1 to 120 of a-z, 0-9 and '-', as the API model's idType.
//   Errors: kInvalidArgument beginning with `key`.
Status CheckId(std::string_view key, std::string_view id);

}  // namespace penstock::wire
