// SPDX-License-Identifier: Apache-2.0
// Messages on record for tests of what shows them: made by the real machine, step by step, at times
// and under ids that are always the same.
#pragma once

#include "engine/runtime/context.h"

namespace penstock::tests {

// A clock that stands where it was set. Threads: set it before others read it.
class SettableClock final : public ports::Clock {
 public:
  explicit SettableClock(Time now) : now_(now) {}

  [[nodiscard]] Time Now() const override { return now_; }

  void Set(Time now) { now_ = now; }

 private:
  Time now_;
};

// Commits three messages:
//   a hook that fails, answers nonsense, then decides; an ASYNC hook that stays dead; a next hop
//   that defers before it takes; closed;
//   one that waits for a hook that is down;
//   one whose next hop is down.
// `clock` is that of `context`. Throws std::runtime_error if the store refuses.
void AddSampleMessages(runtime::Context& context, SettableClock& clock);

}  // namespace penstock::tests
