// SPDX-License-Identifier: Apache-2.0
// One attempt to call a hook (H1, H2). Adapter: hooks/client. Fake: tests/support/scripted_hook.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "engine/async/task.h"
#include "engine/base/time.h"
#include "engine/flow/answer.h"
#include "engine/flow/event.h"
#include "engine/flow/hook.h"
#include "engine/rules/flow_rule.h"

namespace penstock::ports {

// The right to content calls that goes with one attempt (P2).
struct ContentAccess {
  std::string target;      // gRPC name of the content API
  std::string capability;  // a token of flow::CapabilityKeys
  bool may_read = false;
  bool may_replace = false;
  Time expire_time;
};

struct HookCall {
  std::shared_ptr<const flow::Hook> hook;
  rules::InvocationMode mode = rules::InvocationMode::kSync;
  std::uint32_t attempt = 1;
  Milliseconds timeout{0};  // from sending to the complete answer (H2); also the gRPC deadline
  std::string organization;
  std::string rule;
  flow::Event event;
  std::optional<ContentAccess> content;  // unset: the hook's permission grants none (P1)
};

// The connection that calls of a hook go by.
enum class HookState : std::uint8_t {
  kUncalled,  // not called as it is registered now
  kIdle,      // not connected; the next call connects
  kConnecting,
  kUp,    // connected with at least one endpoint that is well (H13)
  kDown,  // no endpoint can be reached, or none says that it is well
};

class HookCaller {
 public:
  virtual ~HookCaller() = default;

  // Sends the event and awaits the answer. An ASYNC call's answer is empty and to be ignored.
  //   Errors: kDeadlineExceeded after `timeout`; kInvalidArgument for an answer that is not
  //   parsable or too long; what gRPC says for the rest. The answer is not resolved yet: types and
  //   recipients are the hook's words.
  //   Threads: safe from any. Cancelling the coroutine cancels the call.
  virtual async::Task<flow::Answer> Call(HookCall call) = 0;

  // How it stands with `hook` at this instant; asks nobody. Threads: safe from any.
  [[nodiscard]] virtual HookState StateOf(const flow::Hook& /*hook*/) {
    return HookState::kUncalled;
  }
};

}  // namespace penstock::ports
