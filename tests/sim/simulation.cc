// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/simulation.h"

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "engine/async/spawn.h"
#include "engine/base/check.h"
#include "engine/base/strings.h"

namespace penstock::sim {

namespace asio = async::asio;

namespace {

constexpr std::uint64_t kStepsMax = 3'000'000;  // of one seed: it never comes to rest otherwise
constexpr Milliseconds kCalmMax = std::chrono::hours(24);  // for everything to come to its end
constexpr Milliseconds kDrain = limits::kDrainDeadline;

}  // namespace

Simulation::Simulation(std::uint64_t seed, bool written)
    : dice_(Dice(seed).Fork(1)),
      planned_(MakeWorld(Dice(seed).Fork(2))),
      world_(planned_),
      scheduler_(Dice(seed).Fork(3), world_.order),
      clock_(scheduler_),
      trace_(scheduler_, written),
      ledger_(planned_, clock_, scheduler_, trace_),
      random_(Dice(seed).Fork(4)),
      outside_{ledger_, trace_, {}},
      hooks_(outside_, world_.hook_moods, Dice(seed).Fork(5)),
      next_hops_(outside_, world_.next_hop_moods, Dice(seed).Fork(6)) {
  weather_.slowest = world_.disk_slowest;
  watch_.on_durable = [this](const Durable& durable) { ledger_.OnDurable(durable); };
  watch_.is_cut_off = [this](CommitPoint point) { return IsCutOff(point); };
  watch_.on_fault = [this](const char* what) {
    trace_.Line("disk fault: ", what);
    trace_.Count(Cat("disk fault: ", what));
    ledger_.OnDiskFault();
  };
  outside_.is_cut_off = [this] {
    if (cuts_.handovers == 0 || cuts_.now || !dice_.Chance(0.3)) return false;
    --cuts_.handovers;
    cuts_.now = true;
    trace_.Count("crash before an answer is heard");
    return true;
  };
  ports::Transaction resources;
  const auto add = [&resources](auto resource) {
    ports::ResourceChange change;
    change.resource = std::move(resource);
    resources.resources.push_back(std::move(change));
  };
  for (const rules::Organization& organization : world_.organizations)
    add(organization);
  for (const flow::Hook& hook : world_.hooks)
    add(hook);
  for (const rules::FlowRule& rule : world_.rules)
    add(rule);
  PENSTOCK_CHECK(disk_.Apply(resources).ok());
  WriteScript();
}

Simulation::~Simulation() {
  scheduler_.Kill();
  process_.reset();
}

void Simulation::At(Milliseconds after, std::function<void()> what) {
  script_.emplace(scheduler_.Now() + after, std::move(what));
}

void Simulation::WriteScript() {
  const auto sometime = [this] { return dice_.Between(Milliseconds(1), world_.span); };
  At(Milliseconds(0), [this] { Boot(); });
  const Milliseconds burst = sometime();
  for (std::size_t i = 0; i < world_.submissions; ++i)
    At(world_.burst ? burst : sometime(), [this] { Submit(); });
  for (std::size_t i = 0; i < world_.changes; ++i)
    At(sometime(), [this] { ChangeDirectory(); });
  for (std::size_t i = 0; i < world_.interventions; ++i)
    At(sometime(), [this] { Intervene(); });
  WriteFaults();
  At(world_.span, [this] { Calm(); });
}

void Simulation::WriteFaults() {
  const auto sometime = [this] { return dice_.Between(Milliseconds(1), world_.span); };
  for (std::size_t i = 0; i < world_.crashes; ++i) {
    const std::size_t steps = 1 + dice_.Below(dice_.Chance(0.5) ? 40 : 1000);
    At(sometime(), [this, steps] { cuts_.in_steps = steps; });
  }
  for (std::size_t i = 0; i < world_.commit_cuts; ++i)
    At(sometime(), [this] { ++cuts_.commits; });
  for (std::size_t i = 0; i < world_.handover_cuts; ++i)
    At(sometime(), [this] { ++cuts_.handovers; });
  for (std::size_t i = 0; i < world_.drains; ++i)
    At(sometime(), [this] { Drain(); });
  for (std::size_t i = 0; i < world_.disk_faults; ++i)
    At(sometime(), [this] { ChangeDisk(); });
  if (!world_.clock_jumps) return;
  for (int i = 0; i < 3; ++i) {
    const Milliseconds by = dice_.Between(-std::chrono::hours(2), std::chrono::hours(2));
    At(sometime(), [this, by] {
      trace_.Line("the wall clock jumps by ", by.count(), " ms");
      trace_.Count(by.count() < 0 ? "clock back" : "clock forward");
      clock_.Jump(by);
    });
  }
}

void Simulation::Run() {
  while (!finished_ && !trace_.violation()) {
    if (cuts_.now) {
      Crash();
    } else if (scheduler_.Step()) {
      if (cuts_.in_steps > 0 && --cuts_.in_steps == 0) cuts_.now = true;
      if (++steps_ > kStepsMax) trace_.Violate("M6", "it never comes to rest");
    } else {
      Quiet();
      if (!finished_) OnTime();
    }
  }
}

// Nothing is ready: goes on to what comes next.
void Simulation::OnTime() {
  if (script_.empty() && scheduler_.waits() == 0) {
    trace_.Violate("A5", "nothing is scheduled any more, but not everything has come to its end");
    return;
  }
  if (script_.empty() || scheduler_.Earliest() < script_.begin()->first) {
    scheduler_.Advance(SteadyClock::time_point::max());
    return;
  }
  scheduler_.Advance(script_.begin()->first);
  const auto what = script_.extract(script_.begin());
  what.mapped()();
}

void Simulation::Boot() {
  if (process_ != nullptr) return;
  trace_.Line("the process starts");
  trace_.Count("start");
  ledger_.OnProcessBegins(!weather_.full && !weather_.broken && weather_.flaw == 0);
  const Machine machine{scheduler_, clock_, random_,    disk_,           weather_,
                        watch_,     hooks_, next_hops_, world_.settings, std::chrono::minutes(20)};
  process_ = std::make_unique<Process>(machine, dice_.Fork(100 + ++boots_));
  hooks_.SetProcess(&process_->directory, &process_->context.content);
  async::Spawn(asio::make_strand(process_->executor), Process::Start(process_.get()), "start");
}

void Simulation::Crash() {
  cuts_.now = false;
  cuts_.in_steps = 0;
  if (process_ == nullptr) return;
  trace_.Line("the process is gone");
  trace_.Count(draining_ ? "stop" : "crash");
  scheduler_.Kill();
  process_.reset();
  scheduler_.Renew();
  ledger_.OnProcessEnds();
  conversations_ = 0;
  draining_ = false;
  const bool long_pause = !calm_ && dice_.Chance(0.2);
  At(dice_.Between(Milliseconds(0), long_pause ? Milliseconds(600'000) : Milliseconds(5000)),
     [this] { Boot(); });
}

void Simulation::Drain() {
  if (process_ == nullptr || !process_->up) return;
  trace_.Line("the process is told to stop");
  process_->Stop();
  draining_ = true;
  At(kDrain, [this] {
    if (draining_) cuts_.now = true;
  });
}

bool Simulation::IsCutOff(CommitPoint point) {
  if (cuts_.commits == 0 || cuts_.now || !dice_.Chance(0.3)) return false;
  --cuts_.commits;
  cuts_.now = true;
  constexpr const char* kWords[] = {"crash before a commit's effect", "crash inside a batch",
                                    "crash after a commit's effect"};
  trace_.Count(kWords[static_cast<int>(point)]);
  return true;
}

// Nothing can run before time moves on.
void Simulation::Quiet() {
  if (process_ == nullptr) return;
  if (process_->failed) {
    trace_.Count("failed start");
    cuts_.now = true;
    return;
  }
  if (draining_) {
    if (process_->tasks.running() == 0) cuts_.now = true;
    return;
  }
  if (!process_->up) return;
  if (conversations_ == 0) {
    ledger_.OnQuiet(process_->schedule.waiting(), process_->schedule.active());
  }
  if (calm_) CheckEnd();
}

// No faults any more: everything has to come to its end now.
void Simulation::Calm() {
  trace_.Line("all is well from now on");
  calm_ = true;
  cuts_ = {};
  weather_ = {};
  weather_.slowest = world_.disk_slowest;
  for (auto& [name, mood] : world_.hook_moods)
    mood = {.answers = 1,
            .fails = 0,
            .hangs = 0,
            .nonsense = 0,
            .slowest = Milliseconds(1000),
            .quickest = Milliseconds(0)};
  for (auto& [name, mood] : world_.next_hop_moods)
    mood = {.down = 0, .defers = 0, .refuses = 0, .loses = 0, .slowest = Milliseconds(300)};
  At(kCalmMax, [this] {
    trace_.Violate("A5", Cat(ledger_.open_messages(), " messages never come to their end, and ",
                             process_ == nullptr ? 0 : process_->schedule.active(),
                             " are worked on: a leaked wait or a forgotten message"));
  });
}

void Simulation::CheckEnd() {
  if (conversations_ > 0 || ledger_.open_messages() > 0 || submitted_ < world_.submissions) return;
  if (hooks_.putting() > 0) return;
  if (process_->schedule.active() > 0) return;  // a call of a message that was cancelled
  StatusOr<std::vector<ports::AsyncQueueCounts>> counts = Unavailable("not counted");
  async::Spawn(
      process_->executor,
      [](store::MemoryStore* disk, decltype(counts)* out) -> asio::awaitable<void> {
        *out = co_await disk->CountAsyncEvents();
      }(&disk_, &counts),
      "count");
  while (!counts.ok())
    PENSTOCK_CHECK(scheduler_.Step());
  for (const ports::AsyncQueueCounts& count : *counts) {
    if (count.queued > 0) return;  // its time has not come
  }
  ledger_.OnEnd(*counts);
  process_->Stop();
  while (scheduler_.Step()) {
  }
  if (process_->tasks.running() > 0 || scheduler_.waits() > 0)
    trace_.Violate("H3", Cat("a leaked wait: ", process_->tasks.running(), " coroutines and ",
                             scheduler_.waits(), " timers are left when all is done"));
  finished_ = true;
}

}  // namespace penstock::sim
