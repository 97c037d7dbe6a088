// SPDX-License-Identifier: Apache-2.0
// A DSN as a message of its own, accepted in the commit that decided it (A3, A5).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/flow/message_machine.h"
#include "engine/ports/store.h"
#include "engine/runtime/context.h"

namespace penstock::runtime {

struct Bounce {
  ports::MessageWrite write;
  std::unique_ptr<ports::ContentWriter> content;
};

// Writes the DSN that tells `parent`'s sender about `bounced` and plans its delivery.
//   `original`: the beginning of the message as received, its header section at least; all of it
//   goes back to who asked for that (RET=FULL), if it is not long.
//   Errors: the store's.
StatusOr<Bounce> MakeBounce(Context& context, const flow::MessageState& parent,
                            const std::vector<flow::BouncedRecipient>& bounced,
                            std::string_view original, Time now);

// The beginning of a message, as MakeBounce wants it. Errors: those of ContentReader::Read.
//   Blocks for as long as the page cache takes.
StatusOr<std::string> ReadOriginal(const ports::ContentReader& content);

}  // namespace penstock::runtime
