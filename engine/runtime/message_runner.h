// SPDX-License-Identifier: Apache-2.0
// Runs one message from where its state says it is until nothing is due: calls hooks, hands
// deliveries over, commits each step before the next. One strand, one owner; steps 5, 6, 8 and 9 of
// the way of a message.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "engine/async/task.h"
#include "engine/flow/message_machine.h"
#include "engine/runtime/context.h"
#include "engine/runtime/held_call.h"
#include "engine/runtime/inbox.h"

namespace penstock::runtime {

// What a run leaves behind.
struct RunResult {
  flow::MessageState state;  // as the store has it now, unless the context is stopping
  std::optional<Time> wake;  // when something is due again; null: the message is closed
};

// Runs a DSN that a step of the run has accepted.
using RunBounce = std::function<void(flow::MessageState bounce)>;

// `state` is as the store has it. Runs on the caller's executor, which is a strand. When the
// context is stopping, what runs is finished and recorded, and nothing new is started. What comes
// into `inbox` after the run's last look at it is left there. `held` are its calls that run
// already.
async::asio::awaitable<RunResult> RunMessage(Context* context, flow::MessageState state,
                                             HeldCalls held, std::shared_ptr<Inbox> inbox,
                                             RunBounce run_bounce);

}  // namespace penstock::runtime
