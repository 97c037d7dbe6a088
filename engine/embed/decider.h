// SPDX-License-Identifier: Apache-2.0
// Decides messages that their caller keeps: plans them, asks hooks, says what came of it or makes a
// token to go on with. The rules are the machine's (engine/flow), the asking is that of a held
// reply (engine/runtime/held_message.h); here is what is between them and the embedder.
//
// The store has of such a message what a hook may read, what one has put in its place, and the
// events for ASYNC hooks (H12); everything else is in the token.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "engine/async/task.h"
#include "engine/embed/assembly.h"
#include "engine/embed/engine.h"
#include "engine/flow/message_machine.h"
#include "engine/runtime/held_message.h"

namespace penstock::embed {

Decision Failed(const Status& status);

// Checks what a client may have said: addresses, how many (H11), that there is content, and not too
// much of it (M5).   Errors: kInvalidArgument, kResourceExhausted.
Status Check(const Mail& mail, const runtime::ListenerPolicy& policy, Assembly& assembly);

runtime::ListenerPolicy PolicyOf(const Mail& mail);

// All but the content.
StatusOr<runtime::Submission> ToSubmission(const Mail& mail, const runtime::ListenerPolicy& policy,
                                           Time now);

// Threads: safe from any; the coroutines run on a strand.
class Decider {
 public:
  // `assembly` outlives it.
  Decider(Assembly& assembly, std::string token_key);

  // `end`, when it is raised, cuts it short: "try again".
  async::asio::awaitable<Decision> Decide(Mail mail, DecideOptions options,
                                          std::shared_ptr<runtime::HoldEnd> end);
  async::asio::awaitable<Decision> Resume(std::string token, DecideOptions options,
                                          std::shared_ptr<runtime::HoldEnd> end);

 private:
  using Messages = std::vector<runtime::HeldMessage>;

  async::Task<void> Plan(Mail mail, const flow::FlowSettings& settings, Messages& messages);
  async::Task<void> Keep(const Mail& mail, runtime::PlannedMail& planned);
  async::Task<void> ForgetForeignContent(std::vector<flow::MessageState>& states);
  async::Task<void> KeepReplaced(Messages& messages);
  async::asio::awaitable<Decision> Ask(Messages& messages, DecideOptions options,
                                       std::shared_ptr<runtime::HoldEnd> end);
  // `again`: from now to the next try of a hook that was not asked.
  Decision Tell(Messages& messages, Milliseconds again);
  Status TellContents(const Messages& messages, Decision& decision) const;
  void SealOrFallBack(Messages& messages, Decision& decision, Milliseconds again) const;

  Assembly& assembly_;
  runtime::Context& context_;
  const std::string token_key_;
  std::atomic<std::size_t> running_{0};
};

}  // namespace penstock::embed
