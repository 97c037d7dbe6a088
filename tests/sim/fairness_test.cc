// SPDX-License-Identifier: Apache-2.0
// H12, H13: what one hook does is nothing to another. The same mail for a healthy hook is sent with
// and without a crowd of mail for hooks that are dead, silent or slow; its calls and its deliveries
// must start at the same virtual times.
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/async/deadline.h"
#include "engine/async/spawn.h"
#include "tests/sim/process.h"

namespace penstock::sim {
namespace {

namespace asio = async::asio;
using rules::InvocationMode;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

struct Starts {
  std::vector<Milliseconds> calls;       // of the healthy hook
  std::vector<Milliseconds> deliveries;  // of the mail for it
  std::map<std::string, std::size_t> calls_of;
  friend bool operator==(const Starts&, const Starts&) = default;
};

class Hooks final : public ports::HookCaller {
 public:
  Hooks(const Scheduler& scheduler, Starts& starts) : scheduler_(scheduler), starts_(starts) {}

  async::Task<flow::Answer> Call(ports::HookCall call) override {
    const std::string name = call.hook->name;
    ++starts_.calls_of[name];
    if (name == "healthy") starts_.calls.push_back(scheduler_.Elapsed());
    Milliseconds after = milliseconds(100);
    if (name == "slow") after = seconds(14);
    if (name == "silent") after = call.timeout;
    if (name == "dead") after = milliseconds(1);
    const Status slept = co_await async::Sleep(after);
    if (!slept.ok()) co_return slept;
    if (name == "silent") co_return DeadlineExceeded("no answer");
    if (name == "dead") co_return Unavailable("connection refused");
    flow::Answer answer;
    flow::AnswerEntry& entry = answer.actions.emplace_back();
    entry.type = "DEFAULT";
    entry.all_recipients = true;
    co_return answer;
  }

 private:
  const Scheduler& scheduler_;
  Starts& starts_;
};

// One of them never answers.
class NextHops final : public ports::Delivery {
 public:
  NextHops(const Scheduler& scheduler, Starts& starts) : scheduler_(scheduler), starts_(starts) {}

  asio::awaitable<std::vector<mail::SmtpReply>> Deliver(ports::DeliveryRequest request) override {
    if (request.reverse_path == "healthy@a.example")
      starts_.deliveries.push_back(scheduler_.Elapsed());
    const bool silent = request.next_hop == "silent";
    const Milliseconds after = silent ? Milliseconds(minutes(5)) : milliseconds(50);
    std::ignore = co_await async::Sleep(after);
    mail::SmtpReply reply = {250, {2, 0, 0}, "taken"};
    if (silent) reply = {451, {4, 4, 2}, "no reply"};
    co_return std::vector<mail::SmtpReply>(request.forward_paths.size(), reply);
  }

 private:
  const Scheduler& scheduler_;
  Starts& starts_;
};

rules::FlowRule RuleOf(const std::string& hook, InvocationMode mode) {
  rules::FlowRule rule;
  rule.organization = "acme";
  rule.name = hook;
  rule.sender_patterns = {hook + "@a.example"};
  rule.recipient_patterns = {"*"};
  rules::HookInvocation invocation;
  invocation.hook = hook;
  invocation.mode = mode;
  if (mode == InvocationMode::kSync) invocation.rule_timeout = minutes(10);
  rule.run_hook = invocation;
  return rule;
}

void SetUp(store::MemoryStore& disk, InvocationMode mode) {
  ports::Transaction resources;
  const auto add = [&resources](auto resource) {
    ports::ResourceChange change;
    change.resource = std::move(resource);
    resources.resources.push_back(std::move(change));
  };
  rules::Organization acme;
  acme.name = "acme";
  acme.domains = {"acme.example"};
  add(acme);
  for (const std::string name : {"healthy", "dead", "silent", "slow"}) {
    flow::Hook hook;
    hook.name = name;
    hook.target = "127.0.0.1:1";
    flow::Permission permission;
    permission.statement_id = "allow";
    permission.organization = "acme";
    hook.permissions = {permission};
    add(hook);
    add(RuleOf(name, mode));
  }
  rules::FlowRule gateway;
  gateway.organization = "acme";
  gateway.direction = rules::FlowDirection::kOutbound;
  gateway.name = "gateway";
  gateway.sender_patterns = {"*"};
  gateway.recipient_patterns = {"*"};
  gateway.verdict = {rules::Action::kRouteToGateway, "silent", ""};
  add(gateway);
  REQUIRE(disk.Apply(resources).ok());
}

const runtime::ListenerPolicy kInbound = {"in", rules::DirectionMode::kInbound, "acme"};
const runtime::ListenerPolicy kOutbound = {"out", rules::DirectionMode::kOutbound, "acme"};

asio::awaitable<void> Submit(Process* process, SimClock* clock, std::string sender,
                             const runtime::ListenerPolicy* policy, std::size_t* accepted) {
  runtime::Submission submission;
  submission.policy = policy;
  submission.client.trusted = true;
  submission.envelope.reverse_path = sender;
  submission.envelope.forward_paths = {"bob@acme.example"};
  submission.header_section = "From: " + sender + "\r\n\r\n";
  auto content = co_await process->intake.NewContent();
  REQUIRE(content.ok());
  REQUIRE((*content)->Write(submission.header_section).ok());
  submission.content = *std::move(content);
  submission.received = clock->Now();
  const mail::SmtpReply reply = co_await process->intake.Accept(std::move(submission));
  if (reply.is_positive()) ++*accepted;
}

// `crowd`: mail for each of the others at once; `steady`: for each, with each mail for the healthy.
Starts Watch(InvocationMode mode, std::size_t crowd, std::size_t steady, std::uint64_t seed) {
  Scheduler scheduler(Dice(seed), Scheduler::Order::kAny);
  SimClock clock(scheduler);
  SimRandom random{Dice(seed + 1)};
  store::MemoryStore disk;
  SetUp(disk, mode);
  const DiskWeather weather;
  const DiskWatch watch;
  Starts starts;
  Hooks hooks(scheduler, starts);
  NextHops next_hops(scheduler, starts);
  flow::FlowSettings settings;
  settings.inbound_next_hop = settings.outbound_next_hop = settings.bounce_next_hop = "in";
  std::size_t accepted = 0;
  std::size_t submitted = 0;
  {
    Process process(
        {scheduler, clock, random, disk, weather, watch, hooks, next_hops, settings, hours(24)},
        Dice(seed + 2));
    const auto submit = [&](const std::string& sender, const runtime::ListenerPolicy* policy) {
      ++submitted;
      async::Spawn(asio::make_strand(process.executor),
                   Submit(&process, &clock, sender, policy, &accepted), "client");
    };
    async::Spawn(asio::make_strand(process.executor), Process::Start(&process), "start");
    const auto until = [&scheduler](Milliseconds time) {
      while (scheduler.Elapsed() < time) {
        if (!scheduler.Step()) scheduler.Advance(scheduler.Now() + (time - scheduler.Elapsed()));
      }
      while (scheduler.Step()) {
      }
    };
    until(milliseconds(1));
    for (int tick = 1; tick <= 100; ++tick) {
      const std::size_t others = tick == 1 ? crowd : steady;
      for (std::size_t i = 0; i < others; ++i) {
        for (const std::string name : {"dead", "silent", "slow"})
          submit(name + "@a.example", &kInbound);
        submit("anybody@acme.example", &kOutbound);
      }
      submit("healthy@a.example", &kInbound);
      until(milliseconds(200) * tick);
    }
    until(seconds(30));
    CHECK(accepted == submitted);
    scheduler.Kill();
  }
  return starts;
}

void CheckUndisturbed(InvocationMode mode, std::size_t crowd) {
  const Starts alone = Watch(mode, 0, 0, 1);
  REQUIRE(alone.calls.size() == 100);
  REQUIRE(alone.deliveries.size() == 100);
  for (const std::uint64_t seed : {1, 2}) {
    const Starts beside = Watch(mode, crowd, 6, seed);
    CHECK(beside.calls_of.at("dead") > crowd);
    CHECK(beside.calls_of.at("silent") >= 64);
    CHECK(beside.calls_of.at("slow") >= 64);
    CHECK(beside.calls == alone.calls);
    CHECK(beside.deliveries == alone.deliveries);
  }
}

// More at once than may be worked on at a time.
TEST_CASE("Sim: a SYNC hook is called at the same times beside dead, silent and slow ones",
          "[sim]") {
  CheckUndisturbed(InvocationMode::kSync, 600);
}

// The mail itself goes at once, all to one next hop: as much as that may have at a time.
TEST_CASE("Sim: an ASYNC hook is called at the same times beside dead, silent and slow ones",
          "[sim]") {
  CheckUndisturbed(InvocationMode::kAsync, 150);
}

}  // namespace
}  // namespace penstock::sim
