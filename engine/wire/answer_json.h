// SPDX-License-Identifier: Apache-2.0
// An answer as a WorkMail function returns it: JSON text (SPEC H5, H6). What is judged here is the
// form; whether types, recipients and the rest make sense is flow::Resolve's matter.
#pragma once

#include <string_view>

#include "engine/base/status.h"
#include "engine/flow/answer.h"

namespace penstock::wire {

// Reads `bytes`, which come from a hook and are hostile.
//   null counts as absent, but for an entry of `actions`. Fields we do not know are skipped. Where
//   a key comes twice in an object, the last one counts, as in the parsers that functions are
//   tested with. allRecipients may be the strings "true", "True", "false" or "False". A recipient
//   that is null stays in the list as "", so that the places of the others are as written.
//   Errors: kInvalidArgument naming the field and what was expected, e.g.
//   `actions[0].allRecipients: expected true or false, got a number`; also for text that is not
//   JSON (with line and column), over limits::kAnswerOctetsMax octets or
//   limits::kAnswerDepthMax levels.
StatusOr<flow::Answer> ParseAnswerJson(std::string_view bytes);

}  // namespace penstock::wire
