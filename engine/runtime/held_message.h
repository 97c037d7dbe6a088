// SPDX-License-Identifier: Apache-2.0
// A message whose reply is held (A7): planned, its content on disk, nothing of it committed. Its
// SYNC hooks are called meanwhile; what then becomes of it is committed in one. Or a message that
// its caller keeps (engine/embed): what a hook may read of it is in the store.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/async/task.h"
#include "engine/base/mutex.h"
#include "engine/flow/directory.h"
#include "engine/flow/message_machine.h"
#include "engine/runtime/context.h"
#include "engine/runtime/held_call.h"
#include "engine/runtime/held_reply.h"

namespace penstock::runtime {

// What the accepted answer of an invocation came with; not committed yet.
struct AcceptedContent {
  InvocationId invocation;
  std::shared_ptr<ports::ContentWriter> content;
};

// Threads: one strand, but for what `calls` says.
struct HeldMessage {
  // Begins `state`: what rules decide at once is decided. `settings` outlive it.
  HeldMessage(const flow::FlowSettings& settings, flow::DirectorySnapshot directory,
              flow::MessageState state, Time now);

  // Goes on with `state`, which was begun before.
  HeldMessage(const flow::FlowSettings& settings, flow::DirectorySnapshot directory,
              flow::MessageState state);

  // Some recipient waits for a hook.
  [[nodiscard]] bool IsUndecided() const;

  flow::MessageMachine machine;
  flow::Effects
      effects;  // of everything so far, for the commit; its calls and deliveries are unused
  std::vector<flow::StartDelivery> deliveries;  // due, and not begun
  HeldCalls calls;                              // that run
  std::vector<AcceptedContent> contents;        // in the order of the answers
};

// Ends a hold before its time, from outside. Threads: safe from any.
class HoldEnd {
 public:
  // Once or more.
  void Raise();

  // What Raise does; at once, if it was raised already. Null: nothing any more, and what ran on
  // another thread has ended.
  void OnRaise(std::function<void()> action);

 private:
  Mutex mutex_;
  bool raised_ ABSL_GUARDED_BY(mutex_) = false;
  std::function<void()> action_ ABSL_GUARDED_BY(mutex_);
};

// Calls the hooks of `messages`, which are those of one transaction, again and again until all is
// decided or `time` is over. Calls that still run are left in HeldMessage::calls. Mail whose hook
// may read or replace content is not held: content calls go by what is committed (M2).
// When `end`, which may be null, is raised, `time` is over.
//   On a strand. `messages` outlive the call.
async::asio::awaitable<void> HoldMessages(Context& context, const flow::Directory& directory,
                                          std::vector<HeldMessage>& messages, Milliseconds time,
                                          std::shared_ptr<HoldEnd> end);

// The same for messages whose content is in the store as far as a hook may read it. No attempt
// starts after `time`; those that run then come to their end (H2), so that no call is left. When
// `end` is raised they are cancelled, which is no attempt.
async::asio::awaitable<void> AskHooks(Context& context, std::vector<HeldMessage>& messages,
                                      Milliseconds time, std::shared_ptr<HoldEnd> end);

// What the front door says of `messages`, which carry the recipients of `forward_paths`, the
// transaction's. Takes out of `messages` what it tells: bounces, and deliveries that a milter's MTA
// does itself. `settings`: those of the messages.
HeldReply TellOutcomes(HeldSays says, const std::vector<std::string>& forward_paths,
                       const flow::FlowSettings& settings, std::vector<HeldMessage>& messages,
                       Time now);

}  // namespace penstock::runtime
