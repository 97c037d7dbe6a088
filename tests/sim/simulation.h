// SPDX-License-Identifier: Apache-2.0
// One seed: a machine, a process that lives and dies on it, clients, an operator and bad luck.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "engine/store/memory_store.h"
#include "tests/sim/ledger.h"
#include "tests/sim/outside.h"
#include "tests/sim/process.h"
#include "tests/sim/world.h"

namespace penstock::sim {

class Simulation {
 public:
  // `written`: the trace is to be read.
  Simulation(std::uint64_t seed, bool written);
  ~Simulation();

  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  // Until nothing is left to do, or an invariant is broken.
  void Run();

  [[nodiscard]] const Trace& trace() const { return trace_; }

  [[nodiscard]] std::uint64_t steps() const { return steps_; }

 private:
  // What the process is cut off at, as soon as it comes by.
  struct Cuts {
    std::size_t commits = 0;
    std::size_t handovers = 0;
    std::size_t in_steps = 0;  // 0: no crash is coming
    bool now = false;
  };

  void WriteScript();
  void WriteFaults();
  // `what` happens that long after the beginning.
  void At(Milliseconds after, std::function<void()> what);
  void OnTime();

  void Boot();
  void Crash();
  void Drain();
  void Quiet();
  void Calm();
  void CheckEnd();
  void Submit();
  void ChangeDirectory();
  void ChangeDisk();
  void Intervene();
  [[nodiscard]] bool IsCutOff(CommitPoint point);

  static async::asio::awaitable<void> Converse(Simulation* simulation, Submission submission,
                                               mail::ClientInfo client,
                                               const runtime::ListenerPolicy* policy);
  static async::asio::awaitable<void> Intervene(Simulation* simulation, MessageId message,
                                                flow::Intervention what);
  static async::asio::awaitable<void> Apply(Simulation* simulation,
                                            runtime::DirectoryKeeper::MakeChange make);

  Dice dice_;
  const World planned_;  // as MakeWorld made it
  World world_;          // moods get better at the end
  Scheduler scheduler_;
  SimClock clock_;
  Trace trace_;
  Ledger ledger_;
  SimRandom random_;
  store::MemoryStore disk_;
  DiskWeather weather_;
  DiskWatch watch_;
  Outside outside_;
  SimHooks hooks_;
  SimNextHops next_hops_;
  std::multimap<SteadyClock::time_point, std::function<void()>> script_;
  std::unique_ptr<Process> process_;  // null: it is down
  Cuts cuts_;
  std::uint64_t steps_ = 0;
  std::size_t submitted_ = 0;
  std::size_t conversations_ = 0;  // with clients, that run
  std::size_t boots_ = 0;
  bool draining_ = false;
  bool calm_ = false;
  bool finished_ = false;
};

}  // namespace penstock::sim
