// SPDX-License-Identifier: Apache-2.0
// What the admin services work with. Made once by the assembly, which outlives the server.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/async/spawn.h"
#include "engine/async/task.h"
#include "engine/ports/clock.h"
#include "engine/ports/store.h"
#include "engine/runtime/async_worker.h"
#include "engine/runtime/context.h"
#include "engine/runtime/directory_keeper.h"
#include "engine/runtime/hook_gate.h"
#include "engine/runtime/message_schedule.h"

namespace penstock::api {

struct AdminContext {
  runtime::DirectoryKeeper& directory;
  ports::Store& store;
  const ports::Clock& clock;
  ports::Random& random;
  runtime::HookGate& hooks;                 // for trials (R15)
  const runtime::SettingsKeeper& settings;  // likewise
  async::Executor executor;  // of a thread pool; each call gets a strand of its own on it
  async::TaskGroup& tasks;   // what a clean stop waits for
  // Names of the next hops configured now, which a rule may name; not set: none is known, and any
  // may be named.
  std::function<std::vector<std::string>()> next_hop_names{};
  // The organizations that listeners name now, by the listeners' names; not set: none is named.
  std::function<std::map<std::string, std::string>()> listener_organizations{};
  runtime::MessageSchedule* schedule = nullptr;    // null: no messages are worked on here
  runtime::AsyncWorkers* async_workers = nullptr;  // null: nobody sends what is redriven
};

}  // namespace penstock::api
