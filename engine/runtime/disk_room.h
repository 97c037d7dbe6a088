// SPDX-License-Identifier: Apache-2.0
// Room on disk for what comes in. When it is short, content that is only retained for hooks goes
// first, the oldest first (M5); then mail and content calls are refused.
#pragma once

#include "engine/async/limiter.h"
#include "engine/async/task.h"
#include "engine/ports/store.h"

namespace penstock::runtime {

// Threads: safe from any.
class DiskRoom {
 public:
  // `store` outlives it.
  explicit DiskRoom(ports::Store& store) : store_(store) {}

  // OK: there is room, if need be now. Errors: those of Store::CheckRoom; nothing is retained any
  // more then, or what is could not be released.
  async::Task<void> Make();

 private:
  ports::Store& store_;
  async::Limiter one_{1};  // who makes room, so that no more goes than has to
};

}  // namespace penstock::runtime
