// SPDX-License-Identifier: Apache-2.0
// The one way from the runtime to a hook: permission (P1), the hook's limit of calls at a time
// (H13), the deadline of the mode (H2), the right to content (P2), then the call; counted and
// timed.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "engine/async/limiter.h"
#include "engine/async/task.h"
#include "engine/base/mutex.h"
#include "engine/flow/answer.h"
#include "engine/flow/event.h"
#include "engine/ports/clock.h"
#include "engine/ports/hook_caller.h"
#include "engine/runtime/capability_keeper.h"
#include "engine/runtime/content_desk.h"
#include "engine/runtime/directory_keeper.h"
#include "engine/runtime/figures.h"
#include "engine/runtime/hook_tail.h"

namespace penstock::runtime {

// Who calls which hook, for which message.
struct HookRequest {
  std::string hook;
  std::string organization;
  std::string rule;
  rules::InvocationMode mode = rules::InvocationMode::kSync;
  std::uint32_t attempt = 1;
  std::optional<Time> start_before;  // H3: no attempt starts later
  // Becomes true where somebody else decides while it waits for its turn: no attempt then. Or null.
  std::shared_ptr<const std::atomic<bool>> withdrawn;
  flow::Event event;
  ContentDesk* desk = nullptr;        // where the content is; null: it has none
  ContentId content;                  // as received
  std::optional<Time> content_until;  // the content stays until then (M5); unset: `desk` knows
  bool trial = false;  // no mail: logged as such, in no count of attempts, no content (R15)
};

// Threads: safe from any.
class HookGate {
 public:
  struct Ended {
    StatusOr<flow::Answer> answer;
    Time started;  // when the call was sent, after waiting for its turn
    Time ended;
    StagedContent staged{};  // of a SYNC call that has an answer: what it put (M2)
    bool in_time = true;     // false: not called, and no attempt: too late, or withdrawn
  };

  // All outlive it. `capabilities` null: no hook gets at content.
  HookGate(ports::HookCaller& caller, const DirectoryKeeper& directory, const ports::Clock& clock,
           CapabilityKeeper* capabilities = nullptr);

  // Makes one attempt. A hook that is gone or not permitted fails it uncalled (P1).
  async::asio::awaitable<Ended> Call(HookRequest request);

  // How each hook has fared.
  [[nodiscard]] const Figures& figures() const { return figures_; }

  // How it stands with the connection that calls of `hook` go by.
  [[nodiscard]] ports::HookState StateOf(const flow::Hook& hook) const {
    return caller_.StateOf(hook);
  }

  // Where those who know what came of a call tell it.
  [[nodiscard]] HookTail& tail() { return tail_; }

 private:
  // The hook as it is now. Errors: kNotFound, kPermissionDenied, each with the command that mends
  // it.
  [[nodiscard]] StatusOr<std::shared_ptr<const flow::Hook>> FindPermitted(
      const HookRequest& request) const;
  // The right to content that the hook's permission grants for this run of the attempt, which ends
  // at `until`.
  async::asio::awaitable<std::optional<ports::ContentAccess>> ContentFor(const HookRequest& request,
                                                                         const flow::Hook& hook,
                                                                         const ContentClaim& claim,
                                                                         Time until);
  // While it lives, what the hook puts counts; nullopt: it may not.
  static std::optional<ContentDesk::Attempt> BeginContent(const HookRequest& request,
                                                          const flow::Hook& hook,
                                                          const ContentClaim& claim);
  std::shared_ptr<async::Limiter> LimiterOf(const flow::Hook& hook);

  struct Turn {
    std::size_t limit;
    std::shared_ptr<async::Limiter> limiter;
  };

  ports::HookCaller& caller_;
  const DirectoryKeeper& directory_;
  const ports::Clock& clock_;
  CapabilityKeeper* const capabilities_;
  Mutex mutex_;
  Figures figures_;
  HookTail tail_;
  std::map<std::string, Turn> turns_ ABSL_GUARDED_BY(mutex_);  // by hook; bounded by their number
};

}  // namespace penstock::runtime
