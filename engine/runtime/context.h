// SPDX-License-Identifier: Apache-2.0
// What every part of the runtime works with: the ports, the settings, the directory, and where
// coroutines run. Made once by the assembly, which outlives the runtime.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "engine/async/spawn.h"
#include "engine/async/task.h"
#include "engine/base/mutex.h"
#include "engine/flow/message_machine.h"
#include "engine/ports/clock.h"
#include "engine/ports/delivery.h"
#include "engine/ports/store.h"
#include "engine/runtime/content_desk.h"
#include "engine/runtime/directory_keeper.h"
#include "engine/runtime/fair_share.h"
#include "engine/runtime/figures.h"
#include "engine/runtime/hook_gate.h"

namespace penstock::runtime {

// The flow settings in force. A message keeps those it runs with; a reload replaces them.
// Threads: safe from any.
class SettingsKeeper {
 public:
  explicit SettingsKeeper(flow::FlowSettings settings) { Replace(std::move(settings)); }

  void Replace(flow::FlowSettings settings) {
    auto next = std::make_shared<const flow::FlowSettings>(std::move(settings));
    const MutexLock lock(mutex_);
    current_.swap(next);
  }

  [[nodiscard]] std::shared_ptr<const flow::FlowSettings> Current() const {
    const MutexLock lock(mutex_);
    return current_;
  }

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const flow::FlowSettings> current_ ABSL_GUARDED_BY(mutex_);
};

struct Context {
  ports::Store& store;
  ports::Delivery& delivery;
  const ports::Clock& clock;
  ports::Random& random;
  DirectoryKeeper& directory;
  HookGate& hooks;
  SettingsKeeper& settings;
  std::string hostname;      // in trace fields and DSNs
  async::Executor executor;  // of a thread pool; each message gets a strand of its own on it
  async::TaskGroup& tasks;   // what a clean stop waits for
  std::atomic<bool> stopping{false};            // set: nothing new is started
  Figures next_hops{};                          // how each has fared
  FairShare share{};                            // of the messages worked on
  std::atomic<std::size_t> messages_active{0};  // worked on now; MessageSchedule counts them
  ContentDesk content{store};                   // for hooks
};

}  // namespace penstock::runtime
