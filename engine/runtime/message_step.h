// SPDX-License-Identifier: Apache-2.0
// A step of a message, from what the machine decided to one transaction and its lines in the log.
#pragma once

#include <string_view>
#include <vector>

#include "engine/flow/message_machine.h"
#include "engine/ports/store.h"
#include "engine/runtime/context.h"

namespace penstock::runtime {

// The commit of one step: the message's state and history, and the DSN that its bounces make.
// `original`: as MakeBounce has it. DSNs are appended to `bounces`.
StatusOr<ports::Transaction> StepTransaction(Context& context, const flow::MessageState& state,
                                             const flow::Effects& effects,
                                             std::string_view original, Time now,
                                             std::vector<flow::MessageState>& bounces);

// Says in the log and the counters what a committed step decided, one line an outcome, and to those
// who watch what came of hooks' calls.
void ReportStep(Context& context, const flow::MessageState& state,
                const std::vector<flow::HistoryEntry>& history);

}  // namespace penstock::runtime
