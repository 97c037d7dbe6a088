// SPDX-License-Identifier: Apache-2.0
// What every part of the runtime works with: the ports, the settings, the directory, and where
// coroutines run. Made once by the assembly, which outlives the runtime.
#pragma once

#include <atomic>
#include <string>

#include "engine/async/spawn.h"
#include "engine/async/task.h"
#include "engine/flow/message_machine.h"
#include "engine/ports/clock.h"
#include "engine/ports/delivery.h"
#include "engine/ports/hook_caller.h"
#include "engine/ports/store.h"
#include "engine/runtime/directory_keeper.h"
#include "engine/runtime/hook_gate.h"

namespace penstock::runtime {

struct Context {
  ports::Store& store;
  ports::Delivery& delivery;
  const ports::Clock& clock;
  ports::Random& random;
  DirectoryKeeper& directory;
  HookGate& hooks;
  flow::FlowSettings settings;
  std::string hostname;      // in trace fields and DSNs
  async::Executor executor;  // of a thread pool; each message gets a strand of its own on it
  async::TaskGroup& tasks;   // what a clean stop waits for
  std::atomic<bool> stopping{false};  // set: nothing new is started
};

}  // namespace penstock::runtime
