// SPDX-License-Identifier: Apache-2.0
// What waits, over a start under a clock that was set back (SPEC H3, H4, H12), and under the hands
// of an administrator.
#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/thread_pool.hpp>
#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "engine/runtime/async_worker.h"
#include "engine/runtime/directory_keeper.h"
#include "engine/runtime/message_schedule.h"
#include "engine/runtime/system_clock.h"
#include "engine/store/memory_store.h"
#include "tests/support/store_samples.h"
#include "tests/support/store_steps.h"

namespace penstock::runtime {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using tests::At;

constexpr std::string_view kId = "01234567-89ab-4def-8123-456789abcdef";

class HandClock final : public ports::Clock {
 public:
  [[nodiscard]] Time Now() const override { return FromUnixMillis(now_); }

  void Set(Time now) { now_ = ToUnixMillis(now); }

 private:
  std::atomic<std::int64_t> now_{0};
};

// Notes the number of each attempt; fails or answers DEFAULT for all.
class NotingCaller final : public ports::HookCaller {
 public:
  std::atomic<bool> fails{false};

  async::Task<flow::Answer> Call(ports::HookCall call) override {
    {
      const MutexLock lock(mutex_);
      attempts_.push_back(call.attempt);
    }
    if (fails) co_return Unavailable("told to fail");
    flow::AnswerEntry entry;
    entry.type = "DEFAULT";
    entry.all_recipients = true;
    flow::Answer answer;
    answer.actions = {entry};
    co_return answer;
  }

  [[nodiscard]] std::vector<std::uint32_t> attempts() const {
    const MutexLock lock(mutex_);
    return attempts_;
  }

 private:
  mutable Mutex mutex_;
  std::vector<std::uint32_t> attempts_ ABSL_GUARDED_BY(mutex_);
};

// No wait is too short to be one.
class EvenRandom final : public ports::Random {
 public:
  RandomBytes Bytes() override { return random_.Bytes(); }

  double Chance() override { return 0.5; }

 private:
  SystemRandom random_;
};

class TakesAll final : public ports::Delivery {
 public:
  async::asio::awaitable<std::vector<mail::SmtpReply>> Deliver(
      ports::DeliveryRequest request) override {
    co_return std::vector<mail::SmtpReply>(request.forward_paths.size(),
                                           mail::SmtpReply{250, {2, 0, 0}, "taken"});
  }
};

class Fixture {
 public:
  explicit Fixture(Time now) {
    clock.Set(now);
    flow::Hook hook;
    hook.name = "decide";
    hook.target = "127.0.0.1:1";
    flow::Permission permission;
    permission.statement_id = "all";
    permission.organization = "default";
    permission.inbound = permission.outbound = true;
    hook.permissions = {permission};
    REQUIRE(tests::Put(*this, rules::Organization{"default", {"example.org"}}).ok());
    REQUIRE(tests::Put(*this, hook).ok());
    REQUIRE(tests::Await(executor(), directory_.Load()).ok());
  }

  ~Fixture() {
    context.stopping = true;
    schedule.Stop();
    async_workers.Stop();
    CHECK(tasks_.WaitIdle(std::chrono::seconds(30)));
    pool_.stop();
    pool_.join();
  }

  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;

  [[nodiscard]] async::Executor executor() { return pool_.get_executor(); }

  [[nodiscard]] store::MemoryStore& store() { return store_; }

  // Commits a message whose hook has failed once.
  void AddWaiting(Time next_attempt, Time deadline) {
    ports::Transaction transaction;
    transaction.contents.push_back(tests::Content(*this, "From: a@b.example\r\n\r\n"));
    flow::MessageState state;
    state.id = MessageId(std::string(kId));
    state.organization = "default";
    state.content = transaction.contents[0]->id();
    state.received = At(0);
    flow::RecipientState recipient;
    recipient.forward_path = "bob@example.org";
    recipient.invocation = 0;
    state.recipients = {recipient};
    flow::InvocationState invocation;
    invocation.id = InvocationId("fedcba9876543210fedcba9876543210");
    invocation.rule = "ask";
    invocation.hook = "decide";
    invocation.fallback.action = rules::Action::kDrop;
    invocation.rule_timeout = minutes(240);
    invocation.attempts_ended = 1;
    invocation.deadline = deadline;
    invocation.next_attempt = next_attempt;
    state.invocations = {invocation};
    tests::Add(transaction, std::move(state));
    REQUIRE(tests::Commit(*this, std::move(transaction)).ok());
  }

  Status Intervene(flow::Intervention what, std::string_view id = kId) {
    return tests::Await(executor(),
                        schedule.Intervene(MessageId(std::string(id)), std::move(what)));
  }

  [[nodiscard]] bool WaitFor(const std::function<bool()>& condition) const {
    for (int i = 0; i < 2000 && !condition(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return condition();
  }

  HandClock clock;
  NotingCaller caller;

 private:
  boost::asio::thread_pool pool_{2};
  async::TaskGroup tasks_;
  store::MemoryStore store_;
  EvenRandom random_;
  TakesAll delivery_;
  DirectoryKeeper directory_{store_, clock};
  HookGate gate_{caller, directory_, clock};
  SettingsKeeper settings_{flow::FlowSettings{}};

 public:
  Context context{.store = store_,
                  .delivery = delivery_,
                  .clock = clock,
                  .random = random_,
                  .directory = directory_,
                  .hooks = gate_,
                  .settings = settings_,
                  .hostname = "mx.example.com",
                  .executor = pool_.get_executor(),
                  .tasks = tasks_};
  MessageSchedule schedule{context};
  AsyncWorkers async_workers{context};
};

flow::Intervention Retry() {
  flow::Intervention retry;
  retry.who = "admin";
  return retry;
}

flow::Intervention Cancel() {
  flow::Intervention cancel = Retry();
  cancel.kind = flow::Intervention::Kind::kCancel;
  cancel.verdict.action = rules::Action::kDrop;
  return cancel;
}

TEST_CASE("MessageSchedule: a start under a clock set back leaves nothing waiting for the old time",
          "[runtime][schedule]") {
  Fixture f(At(0) - hours(3));
  f.AddWaiting(At(30), At(0) + minutes(240));
  REQUIRE(tests::Await(f.executor(), f.schedule.Load()).ok());
  REQUIRE(f.WaitFor([&] { return tests::CountOpen(f) == 0; }));
  CHECK(f.caller.attempts() == std::vector<std::uint32_t>{2});
}

TEST_CASE("MessageSchedule: a start under the same clock waits as before", "[runtime][schedule]") {
  Fixture f(At(0));
  f.AddWaiting(At(30), At(0) + minutes(240));
  REQUIRE(tests::Await(f.executor(), f.schedule.Load()).ok());
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK(f.caller.attempts().empty());
  CHECK(f.schedule.waiting() == 1);
}

TEST_CASE("MessageSchedule: a start under a clock set forward past the deadline falls back",
          "[runtime][schedule]") {
  Fixture f(At(0) + hours(5));
  f.AddWaiting(At(30), At(0) + minutes(240));
  REQUIRE(tests::Await(f.executor(), f.schedule.Load()).ok());
  REQUIRE(f.WaitFor([&] { return tests::CountOpen(f) == 0; }));
  CHECK(f.caller.attempts().empty());
  CHECK(tests::Load(f, std::string(kId))->recipients[0].decided_by ==
        flow::DecidedBy::kTimeoutFallback);
}

TEST_CASE("AsyncWorkers: a start under a clock set back sends what waits", "[runtime][async]") {
  Fixture f(At(0) - hours(3));
  ports::AsyncEvent event = tests::EventFor("decide", kId, At(60));
  event.attempts_ended = 1;
  tests::Enqueue(f, {event});
  REQUIRE(tests::Await(f.executor(), f.async_workers.Load()).ok());
  REQUIRE(f.WaitFor([&] { return tests::Counts(f).empty(); }));
  CHECK(f.caller.attempts() == std::vector<std::uint32_t>{2});
}

TEST_CASE("MessageSchedule: however often a message is retried, it waits once",
          "[runtime][schedule]") {
  Fixture f(At(0));
  f.caller.fails = true;
  f.AddWaiting(At(30), At(0) + minutes(240));
  REQUIRE(tests::Await(f.executor(), f.schedule.Load()).ok());
  for (std::uint32_t attempt = 2; attempt <= 6; ++attempt) {
    REQUIRE(f.Intervene(Retry()).ok());
    REQUIRE(f.WaitFor([&] { return f.schedule.active() == 0; }));
    CHECK(f.schedule.waiting() == 1);
    CHECK(f.caller.attempts().back() == attempt);
  }
  REQUIRE(f.Intervene(Cancel()).ok());
  REQUIRE(f.WaitFor([&] { return f.schedule.active() == 0; }));
  CHECK(f.schedule.waiting() == 0);
  CHECK(f.caller.attempts().size() == 5);
  CHECK(f.Intervene(Cancel()).code() == StatusCode::kFailedPrecondition);
  CHECK(f.schedule.waiting() == 0);
}

TEST_CASE("MessageSchedule: interventions that cannot be done leave nothing behind",
          "[runtime][schedule]") {
  Fixture f(At(0));
  CHECK(f.Intervene(Retry()).code() == StatusCode::kNotFound);
  CHECK(f.Intervene(Retry(), "nonsense").code() == StatusCode::kNotFound);
  CHECK(f.Intervene(Retry(), "01234567-89AB-4DEF-8123-456789ABCDEF").code() ==
        StatusCode::kNotFound);
  REQUIRE(f.WaitFor([&] { return f.schedule.active() == 0; }));
  CHECK(f.schedule.waiting() == 0);
  f.AddWaiting(At(30), At(0) + minutes(240));
  f.context.stopping = true;
  CHECK(f.Intervene(Cancel()).code() == StatusCode::kUnavailable);
  CHECK(tests::CountOpen(f) == 1);
}

}  // namespace
}  // namespace penstock::runtime
