// SPDX-License-Identifier: Apache-2.0
// One life of the process: the real engine between the ports, put together as engine/embed does it.
#pragma once

#include <memory>

#include <boost/asio/strand.hpp>

#include "engine/runtime/async_worker.h"
#include "engine/runtime/context.h"
#include "engine/runtime/directory_keeper.h"
#include "engine/runtime/hook_gate.h"
#include "engine/runtime/housekeeping.h"
#include "engine/runtime/message_intake.h"
#include "engine/runtime/message_schedule.h"
#include "tests/sim/dice.h"
#include "tests/sim/scheduler.h"
#include "tests/sim/sim_store.h"

namespace penstock::sim {

// What outlives the process.
struct Machine {
  Scheduler& scheduler;
  SimClock& clock;
  ports::Random& random;
  store::MemoryStore& disk;
  const DiskWeather& weather;
  const DiskWatch& watch;
  ports::HookCaller& hooks;
  ports::Delivery& next_hops;
  const flow::FlowSettings& settings;
  Milliseconds history_retention;
};

struct Process {
  Process(Machine machine, Dice dice)
      : executor(machine.scheduler.executor()),
        store(machine.disk, machine.weather, machine.watch, dice, executor),
        directory(store, machine.clock, async::asio::make_strand(executor)),
        hooks(machine.hooks, directory, machine.clock),
        settings(machine.settings),
        context{store, machine.next_hops, machine.clock,     machine.random, directory,
                hooks, settings,          "mx.acme.example", executor,       tasks},
        schedule(context),
        async_workers(context),
        intake(context, schedule, async_workers, limits::kInboundRecipientsMax),
        housekeeping(context, machine.history_retention) {}

  // Does what the daemon does at its start; `up` or `failed` is set at its end.
  static async::asio::awaitable<void> Start(Process* process) {
    Status status = co_await process->directory.Load();
    if (status.ok()) status = co_await process->schedule.Load();
    if (status.ok()) status = co_await process->async_workers.Load();
    process->failed = !status.ok();
    if (process->failed) co_return;
    process->housekeeping.Start();
    process->up = true;
  }

  // As on SIGTERM; what runs comes to its end.
  void Stop() {
    up = false;
    context.stopping = true;
    schedule.Stop();
    async_workers.Stop();
    housekeeping.Stop();
  }

  async::Executor executor;
  async::TaskGroup tasks;
  SimStore store;
  runtime::DirectoryKeeper directory;
  runtime::HookGate hooks;
  runtime::SettingsKeeper settings;
  runtime::Context context;
  runtime::MessageSchedule schedule;
  runtime::AsyncWorkers async_workers;
  runtime::MessageIntake intake;
  runtime::Housekeeping housekeeping;
  bool up = false;
  bool failed = false;
};

}  // namespace penstock::sim
