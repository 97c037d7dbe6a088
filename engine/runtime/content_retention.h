// SPDX-License-Identifier: Apache-2.0
// Which content outlives its message, and until when (M5).
#pragma once

#include <optional>

#include "engine/flow/directory.h"
#include "engine/flow/message_state.h"
#include "engine/ports/store.h"
#include "engine/runtime/content_desk.h"

namespace penstock::runtime {

// Whether a hook that is asked about the message, or sent its event, may read or replace its
// content, as permissions are now.
bool IsForHooks(const flow::MessageState& message, const flow::Directory& directory);

// Retains what was received (`invocation` empty), or what an invocation put in its place, for
// `retention` from acceptance on.
ports::RetainedContent Retain(const flow::MessageState& message, InvocationId invocation,
                              ContentId content, Milliseconds retention);

// What an attempt has staged, as it is if its answer is accepted; nullopt: it put nothing.
std::optional<flow::ReplacedContent> Describe(const flow::MessageState& message,
                                              const StagedContent& staged);

}  // namespace penstock::runtime
