// SPDX-License-Identifier: Apache-2.0
// Synchronous decisions beside the same gRPC calls made bare, for one hook: RunMessage from a plan
// to its recorded outcome, with a store in memory. The hook is expected to drop every recipient, so
// that nothing is delivered.
//
// Each iteration makes the same number of calls twice, bare and ours, one after the other: a pair
// sees the same machine. `share` is the median pair's bare time over our time, `cpu_added_us` the
// median pair's difference in this process's time on processors for one decision, and `bare_cpu_us`
// what a bare call takes of it.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <grpcpp/grpcpp.h>
#include <sys/resource.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_future.hpp>

#include "absl/synchronization/mutex.h"

#include "engine/async/pool.h"
#include "engine/async/strand.h"
#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/flow/plan.h"
#include "engine/runtime/inbox.h"
#include "engine/runtime/message_runner.h"
#include "engine/runtime/system_clock.h"
#include "engine/store/memory_store.h"
#include "engine/wire/convert_hook_call.h"
#include "hooks/client/grpc_hook_caller.h"

#include "penstock/v1/hook.grpc.pb.h"

namespace penstock::bench {

namespace asio = async::asio;
using std::chrono::steady_clock;

inline constexpr std::int64_t kCallsABatch = 2048;  // divided among those in flight

class NoDelivery final : public ports::Delivery {
 public:
  asio::awaitable<std::vector<mail::SmtpReply>> Deliver(ports::DeliveryRequest request) override {
    co_return std::vector<mail::SmtpReply>(request.forward_paths.size());
  }
};

inline double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Batch {
  double seconds = 0;
  double cpu_seconds = 0;
  std::vector<double> latencies;  // microseconds
};

inline double At(std::vector<double> values, double part) {
  const auto i = static_cast<std::ptrdiff_t>(part * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + i, values.end());
  return values[static_cast<std::size_t>(i)];
}

template <class Work>
Batch Measure(std::int64_t in_flight, Work work) {
  Batch batch;
  std::vector<std::vector<double>> latencies(static_cast<std::size_t>(in_flight));
  const double cpu = CpuSeconds();
  const auto start = steady_clock::now();
  work(latencies);
  batch.seconds = std::chrono::duration<double>(steady_clock::now() - start).count();
  batch.cpu_seconds = CpuSeconds() - cpu;
  for (const auto& of_one : latencies)
    batch.latencies.insert(batch.latencies.end(), of_one.begin(), of_one.end());
  return batch;
}

inline double MicrosSince(steady_clock::time_point start) {
  return std::chrono::duration<double, std::micro>(steady_clock::now() - start).count();
}

// Everything that a decision passes through.
class House {
 public:
  House(const std::string& target, bool stream)
      : target_(target),
        directory_(store_, clock_),
        caller_(clock_),
        hooks_(caller_, directory_, clock_),
        settings_(flow::FlowSettings{}),
        context_{store_, delivery_, clock_,       random_,          directory_,
                 hooks_, settings_, "mx.example", pool_.executor(), tasks_} {
    // As penstockd does.
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    SetUp(stream);
    channel_ = grpc::CreateChannel(target_, grpc::InsecureChannelCredentials());
    stub_ = v1::HookService::NewStub(channel_);
    wire::FillInvokeRequest(EventOf(), false, &request_);
  }

  ~House() { pool_.Join(); }

  Batch Bare(std::int64_t in_flight) {
    return Measure(in_flight, [&](std::vector<std::vector<double>>& latencies) {
      std::latch done(in_flight);
      std::vector<std::unique_ptr<BareCaller>> callers;
      for (auto& mine : latencies) {
        callers.push_back(
            std::make_unique<BareCaller>(*stub_, request_, kCallsABatch / in_flight, mine, done));
      }
      for (auto& caller : callers)
        caller->Next();
      done.wait();
    });
  }

  Batch Ours(std::int64_t in_flight) {
    std::vector<std::vector<flow::MessageState>> planned(static_cast<std::size_t>(in_flight));
    for (auto& of_one : planned) {
      for (std::int64_t i = 0; i < kCallsABatch / in_flight; ++i)
        of_one.push_back(NewMessage());
    }
    Batch batch = Measure(in_flight, [&](std::vector<std::vector<double>>& latencies) {
      std::latch done(in_flight);
      for (std::size_t i = 0; i < latencies.size(); ++i) {
        asio::co_spawn(async::MakeStrand(pool_.executor()),
                       Decide(&context_, &planned[i], &latencies[i], &done), asio::detached);
      }
      done.wait();
    });
    Forget();
    return batch;
  }

 private:
  class BareCaller {
   public:
    BareCaller(v1::HookService::Stub& stub, const v1::InvokeRequest& request, std::int64_t calls,
               std::vector<double>& latencies, std::latch& done)
        : stub_(stub), request_(request), left_(calls), latencies_(latencies), done_(done) {}

    void Next() {
      if (left_-- == 0) {
        done_.count_down();
        return;
      }
      context_ = std::make_unique<grpc::ClientContext>();
      context_->set_deadline(std::chrono::system_clock::now() + limits::kSyncCallDeadline);
      response_.Clear();
      start_ = steady_clock::now();
      stub_.async()->Invoke(context_.get(), &request_, &response_, [this](grpc::Status status) {
        PENSTOCK_CHECK(status.ok() && response_.actions_size() == 1);
        latencies_.push_back(MicrosSince(start_));
        Next();
      });
    }

   private:
    v1::HookService::Stub& stub_;
    const v1::InvokeRequest& request_;
    std::int64_t left_;
    std::vector<double>& latencies_;
    std::latch& done_;
    std::unique_ptr<grpc::ClientContext> context_;
    v1::InvokeResponse response_;
    steady_clock::time_point start_;
  };

  static asio::awaitable<void> Decide(runtime::Context* context,
                                      std::vector<flow::MessageState>* planned,
                                      std::vector<double>* latencies, std::latch* done) {
    for (flow::MessageState& state : *planned) {
      const auto start = steady_clock::now();
      auto inbox = std::make_shared<runtime::Inbox>();
      runtime::RunBounce no_bounce = [](flow::MessageState /*bounce*/) { PENSTOCK_CHECK(false); };
      runtime::HeldCalls no_calls;
      const runtime::RunResult result = co_await runtime::RunMessage(
          context, std::move(state), std::move(no_calls), std::move(inbox), std::move(no_bounce));
      latencies->push_back(MicrosSince(start));
      PENSTOCK_CHECK(!result.wake);  // closed: decided, and nothing to deliver
    }
    done->count_down();
  }

  void SetUp(bool stream) {
    flow::Hook hook;
    hook.name = "drop-all";
    hook.target = target_;
    hook.stream = stream;
    hook.max_concurrent_calls = limits::kHookCallsCeiling;
    flow::Permission permission;
    permission.statement_id = "allow-default";
    permission.organization = "default";
    hook.permissions = {permission};
    rules::FlowRule& rule = rule_;
    rule.organization = "default";
    rule.name = "ask";
    rule.sender_patterns = {"*"};
    rule.recipient_patterns = {"*"};
    rule.run_hook.emplace();
    rule.run_hook->hook = hook.name;
    rule.run_hook->rule_timeout = std::chrono::minutes(5);
    const rules::Organization organization{"default", {"example.com"}};
    ports::Transaction transaction;
    for (ports::ResourceChange change :
         {ports::ResourceChange{organization, false, "", {}},
          ports::ResourceChange{hook, false, "", {}}, ports::ResourceChange{rule, false, "", {}}}) {
      transaction.resources.push_back(std::move(change));
    }
    PENSTOCK_CHECK(Wait(store_.Commit(std::move(transaction))).ok());
    PENSTOCK_CHECK(Wait(directory_.Load()).ok());
  }

  flow::MessageState NewMessage() {
    flow::MessageState state;
    state.id = MessageId(FormatUuid(random_.Bytes()));
    state.organization = "default";
    state.reverse_path = "ann@sender.example";
    state.received = clock_.Now();
    state.summary = {"ann@sender.example", "", "Minutes of Tuesday"};
    std::vector<flow::PlannedRecipient> recipients(1);
    recipients[0].forward_path = "bob@example.com";
    recipients[0].rule = &rule_;
    return flow::MakePlan(std::move(state), recipients,
                          [this] { return InvocationId(FormatHex(random_.Bytes())); })
        .state;
  }

  flow::Event EventOf() {
    const flow::MessageState state = NewMessage();
    const std::vector<std::string> recipients = {state.recipients[0].forward_path};
    return flow::BuildEvent(state.summary, recipients, state.id, state.invocations[0].id,
                            state.direction);
  }

  void Forget() {
    const Time later = clock_.Now() + std::chrono::hours(1);
    PENSTOCK_CHECK(Wait(store_.PurgeMessages(later, 1U << 20U)).ok());
  }

  template <class T>
  T Wait(asio::awaitable<T> work) {
    return asio::co_spawn(pool_.executor(), std::move(work), asio::use_future).get();
  }

  const std::string target_;
  async::Pool pool_{2};
  runtime::SystemClock clock_;
  runtime::SystemRandom random_;
  async::TaskGroup tasks_;
  store::MemoryStore store_;
  NoDelivery delivery_;
  runtime::DirectoryKeeper directory_;
  hook_client::GrpcHookCaller caller_;
  runtime::HookGate hooks_;
  runtime::SettingsKeeper settings_;
  runtime::Context context_;
  rules::FlowRule rule_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::HookService::Stub> stub_;
  v1::InvokeRequest request_;
};

inline void Compare(benchmark::State& state, House& house) {
  const std::int64_t in_flight = state.range(0);
  std::vector<double> shares, cpu_added, bare_cpu, ours_latencies, bare_latencies;
  for (auto _ : state) {
    const Batch bare = house.Bare(in_flight);
    const Batch ours = house.Ours(in_flight);
    state.SetIterationTime(ours.seconds);
    shares.push_back(bare.seconds / ours.seconds);
    cpu_added.push_back((ours.cpu_seconds - bare.cpu_seconds) * 1e6 / kCallsABatch);
    bare_cpu.push_back(bare.cpu_seconds * 1e6 / kCallsABatch);
    ours_latencies.insert(ours_latencies.end(), ours.latencies.begin(), ours.latencies.end());
    bare_latencies.insert(bare_latencies.end(), bare.latencies.begin(), bare.latencies.end());
  }
  state.SetItemsProcessed(state.iterations() * kCallsABatch);
  state.counters["decisions_a_second"] = benchmark::Counter(
      static_cast<double>(state.iterations() * kCallsABatch), benchmark::Counter::kIsRate);
  state.counters["share"] = At(shares, 0.5);
  state.counters["cpu_added_us"] = At(cpu_added, 0.5);
  state.counters["bare_cpu_us"] = At(bare_cpu, 0.5);
  state.counters["p50_us"] = At(ours_latencies, 0.5);
  state.counters["p99_us"] = At(ours_latencies, 0.99);
  state.counters["bare_p50_us"] = At(bare_latencies, 0.5);
  state.counters["bare_p99_us"] = At(bare_latencies, 0.99);
}

}  // namespace penstock::bench
