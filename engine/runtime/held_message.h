// SPDX-License-Identifier: Apache-2.0
// A message whose reply is held (A7): planned, its content on disk, nothing of it committed. Its
// SYNC hooks are called meanwhile; what then becomes of it is committed in one.
#pragma once

#include <string>
#include <vector>

#include "engine/async/task.h"
#include "engine/flow/directory.h"
#include "engine/flow/message_machine.h"
#include "engine/runtime/context.h"
#include "engine/runtime/held_call.h"
#include "engine/runtime/held_reply.h"

namespace penstock::runtime {

// Threads: one strand, but for what `calls` says.
struct HeldMessage {
  // Begins `state`: what rules decide at once is decided. `settings` outlive it.
  HeldMessage(const flow::FlowSettings& settings, flow::DirectorySnapshot directory,
              flow::MessageState state, Time now);

  // Some recipient waits for a hook.
  [[nodiscard]] bool IsUndecided() const;

  flow::MessageMachine machine;
  flow::Effects
      effects;  // of everything so far, for the commit; its calls and deliveries are unused
  std::vector<flow::StartDelivery> deliveries;  // due, and not begun
  HeldCalls calls;                              // that run
};

// Calls the hooks of `messages`, which are those of one transaction, again and again until all is
// decided or `time` is over. Calls that still run are left in HeldMessage::calls. Mail whose hook
// may read or replace content is not held: content calls go by what is committed (M2).
//   On a strand. `messages` outlive the call.
async::asio::awaitable<void> HoldMessages(Context& context, const flow::Directory& directory,
                                          std::vector<HeldMessage>& messages, Milliseconds time);

// What the front door says of `messages`, which carry the recipients of `forward_paths`, the
// transaction's. Takes out of `messages` what it tells: bounces, and deliveries that a milter's MTA
// does itself. `settings`: those of the messages.
HeldReply TellOutcomes(HeldSays says, const std::vector<std::string>& forward_paths,
                       const flow::FlowSettings& settings, std::vector<HeldMessage>& messages,
                       Time now);

}  // namespace penstock::runtime
