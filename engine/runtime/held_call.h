// SPDX-License-Identifier: Apache-2.0
// A hook call that began while a reply was held (A7). When the hold ends before the call does,
// whoever runs the message then takes it over: the hook is not asked twice.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "engine/base/mutex.h"
#include "engine/flow/message_machine.h"
#include "engine/runtime/hook_gate.h"

namespace penstock::runtime {

// Threads: safe from any.
class HeldCall {
 public:
  using OnEnd = std::function<void(HookGate::Ended)>;

  explicit HeldCall(flow::StartCall call) : call_(call) {}

  [[nodiscard]] const flow::StartCall& call() const { return call_; }

  // What to do with the result, in place of what was to be done with it before. If there is one
  // already that nobody has taken, `on_end` runs at once; else on the thread that brings it.
  void SetOnEnd(OnEnd on_end) {
    std::optional<HookGate::Ended> ended;
    {
      const MutexLock lock(mutex_);
      if (!ended_) {
        on_end_ = std::move(on_end);
        return;
      }
      ended.swap(ended_);
    }
    on_end(*std::move(ended));
  }

  // From now on a result waits for whoever takes the call over.
  void Leave() {
    const MutexLock lock(mutex_);
    on_end_ = nullptr;
  }

  // The call ended. Once.
  void End(HookGate::Ended ended) {
    OnEnd on_end;
    {
      const MutexLock lock(mutex_);
      if (!on_end_) {
        ended_ = std::move(ended);
        return;
      }
      on_end.swap(on_end_);
    }
    on_end(std::move(ended));
  }

 private:
  const flow::StartCall call_;
  Mutex mutex_;
  OnEnd on_end_ ABSL_GUARDED_BY(mutex_);
  std::optional<HookGate::Ended> ended_ ABSL_GUARDED_BY(mutex_);
};

// The calls of one message.
using HeldCalls = std::vector<std::shared_ptr<HeldCall>>;

}  // namespace penstock::runtime
