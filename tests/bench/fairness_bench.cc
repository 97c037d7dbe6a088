// SPDX-License-Identifier: Apache-2.0
// What sick hooks cost a healthy one (H13): the time from a message at the door to its recorded
// outcome, with the healthy hook alone, and beside three others that get as much mail: one that is
// dead, a black hole that takes connections and says nothing, and one that answers in 14 s. Hooks
// and calls are real, the store is on disk.
//
// Each iteration is a pair of runs: `alone_p99_us` and `beside_p99_us`, and `ratio`, the second by
// the first.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_future.hpp>

#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/mutex.h"
#include "engine/base/strings.h"
#include "engine/embed/assembly.h"
#include "engine/runtime/context.h"
#include "engine/runtime/intake.h"
#include "tests/bench/hook_process.h"

namespace penstock {
namespace {

namespace asio = async::asio;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kApart{10};      // messages of one hook
constexpr std::size_t kMessages = 400;  // that are measured, of the healthy hook
constexpr std::size_t kBefore = 200;    // of each, before that: sick hooks are full by then
constexpr std::chrono::seconds kSlow{14};

// When messages came, by id, and when their outcomes were on record. Threads: safe from any.
class Times {
 public:
  void Came(const std::string& message, steady_clock::time_point when) {
    const MutexLock lock(mutex_);
    came_[message] = when;
  }

  void Decided(const std::string& message) {
    const MutexLock lock(mutex_);
    decided_[message] = steady_clock::now();
  }

  // Microseconds between the two, of those that came; none if one is not decided.
  [[nodiscard]] std::optional<std::vector<double>> Take() {
    const MutexLock lock(mutex_);
    std::vector<double> took;
    for (const auto& [message, came] : came_) {
      const auto decided = decided_.find(message);
      if (decided == decided_.end()) return std::nullopt;
      took.push_back(std::chrono::duration<double, std::micro>(decided->second - came).count());
    }
    came_.clear();
    decided_.clear();
    return took;
  }

 private:
  Mutex mutex_;
  std::unordered_map<std::string, steady_clock::time_point> came_ ABSL_GUARDED_BY(mutex_);
  std::unordered_map<std::string, steady_clock::time_point> decided_ ABSL_GUARDED_BY(mutex_);
};

Times& AllTimes() {
  static Times times;
  return times;
}

void TakeLine(LogLevel /*level*/, std::string_view event, std::span<const LogField> fields) {
  if (event == "outcome") AllTimes().Decided(fields.front().value);
}

// Listens on loopback and takes no connection.
class BlackHole {
 public:
  BlackHole() : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    PENSTOCK_CHECK(bind(socket_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    PENSTOCK_CHECK(listen(socket_, 100) == 0);
    PENSTOCK_CHECK(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    target_ = Cat("127.0.0.1:", ntohs(address.sin_port));
  }

  BlackHole(const BlackHole&) = delete;
  BlackHole& operator=(const BlackHole&) = delete;

  ~BlackHole() { close(socket_); }

  [[nodiscard]] const std::string& target() const { return target_; }

 private:
  const int socket_;
  std::string target_;
};

// The engine with one rule a hook: mail from ann@NAME.example goes to the hook NAME.
class House {
 public:
  explicit House(const std::vector<std::pair<std::string, std::string>>& hooks) {
    PENSTOCK_CHECK(mkdtemp(folder_.data()) != nullptr);
    embed::AssemblyOptions options;
    options.data_folder = std::filesystem::absolute(folder_) / "data";
    options.hostname = "mx.example";
    options.settings.flow.inbound_next_hop = "mailbox";
    auto opened = embed::Assembly::Open(std::move(options));
    PENSTOCK_CHECK(opened.ok());
    assembly_ = *std::move(opened);
    policy_.name = "in";
    ports::Transaction transaction;
    Add(transaction, rules::Organization{"default", {"example.com"}});
    for (const auto& [name, target] : hooks) {
      AddHook(transaction, name, target);
    }
    runtime::Context& context = assembly_->context();
    PENSTOCK_CHECK(Wait(context.store.Commit(std::move(transaction))).ok());
    PENSTOCK_CHECK(Wait(context.directory.Load()).ok());
    PENSTOCK_CHECK(assembly_->Start().ok());
  }

  House(const House&) = delete;
  House& operator=(const House&) = delete;

  // When the sick hooks are gone.
  ~House() {
    PENSTOCK_CHECK(assembly_->Stop(std::chrono::seconds(30)));
    assembly_.reset();
    std::filesystem::remove_all(folder_);
  }

  void Send(const std::string& hook, bool measured) {
    asio::co_spawn(asio::make_strand(assembly_->context().executor),
                   Accept(this, Cat("ann@", hook, ".example"), measured), asio::detached);
  }

 private:
  static asio::awaitable<void> Accept(House* house, std::string sender, bool measured) {
    const auto came = steady_clock::now();
    runtime::Submission submission;
    submission.policy = &house->policy_;
    submission.envelope.reverse_path = std::move(sender);
    submission.envelope.forward_paths = {"bob@example.com"};
    submission.header_section = "Subject: Minutes of Tuesday\r\n\r\n";
    submission.received = house->assembly_->clock().Now();
    auto content = co_await house->assembly_->intake().NewContent();
    PENSTOCK_CHECK(content.ok() && (*content)->Write(submission.header_section).ok());
    submission.content = *std::move(content);
    const mail::SmtpReply reply = co_await house->assembly_->intake().Accept(std::move(submission));
    PENSTOCK_CHECK(reply.code == 250);
    if (measured) AllTimes().Came(reply.text.substr(reply.text.rfind(' ') + 1), came);
  }

  static void Add(ports::Transaction& transaction, flow::Resource resource) {
    ports::ResourceChange change;
    change.resource = std::move(resource);
    transaction.resources.push_back(std::move(change));
  }

  static void AddHook(ports::Transaction& transaction, const std::string& name,
                      const std::string& target) {
    flow::Hook hook;
    hook.name = name;
    hook.target = target;
    flow::Permission permission;
    permission.statement_id = "all";
    permission.organization = "default";
    hook.permissions = {permission};
    Add(transaction, std::move(hook));
    rules::FlowRule rule;
    rule.organization = "default";
    rule.name = name;
    rule.sender_patterns = {Cat(name, ".example")};
    rule.recipient_patterns = {"*"};
    rule.run_hook.emplace();
    rule.run_hook->hook = name;
    rule.run_hook->rule_timeout = std::chrono::minutes(60);
    Add(transaction, std::move(rule));
  }

  template <class T>
  T Wait(asio::awaitable<T> work) {
    const auto strand = asio::make_strand(assembly_->context().executor);
    return asio::co_spawn(strand, std::move(work), asio::use_future).get();
  }

  // Here, not where temporary files go: that may be no disk.
  std::string folder_ = "fairness_bench.XXXXXX";
  runtime::ListenerPolicy policy_;
  std::unique_ptr<embed::Assembly> assembly_;
};

// Sends to all hooks at the same pace; the times of the healthy one's mail.
std::vector<double> Run(House& house, const std::vector<std::string>& hooks) {
  auto next = steady_clock::now();
  for (std::size_t i = 0; i < kBefore + kMessages; ++i) {
    for (const std::string& hook : hooks)
      house.Send(hook, hook == "healthy" && i >= kBefore);
    std::this_thread::sleep_until(next += kApart);
  }
  for (;;) {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    if (auto times = AllTimes().Take(); times && times->size() == kMessages) return *times;
  }
}

double At(std::vector<double> values, double part) {
  const auto i = static_cast<std::ptrdiff_t>(part * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + i, values.end());
  return values[static_cast<std::size_t>(i)];
}

std::vector<double> Alone() {
  const bench::HookProcess healthy;
  House house({{"healthy", healthy.target()}});
  return Run(house, {"healthy"});
}

std::vector<double> Beside() {
  const bench::HookProcess healthy;
  auto slow = std::make_unique<bench::HookProcess>(kSlow);
  auto black_hole = std::make_unique<BlackHole>();
  const std::string dead = BlackHole().target();
  House house({{"healthy", healthy.target()},
               {"dead", dead},
               {"black-hole", black_hole->target()},
               {"slow", slow->target()}});
  auto times = Run(house, {"dead", "black-hole", "slow", "healthy"});
  black_hole.reset();
  slow.reset();
  return times;
}

void Healthy(benchmark::State& state) {
  std::vector<double> alone;
  std::vector<double> beside;
  for (auto _ : state) {
    alone = Alone();
    beside = Beside();
    state.SetIterationTime(At(beside, 0.5) * 1e-6);
  }
  state.counters["ratio"] = At(beside, 0.99) / At(alone, 0.99);
  state.counters["alone_p99_us"] = At(alone, 0.99);
  state.counters["beside_p99_us"] = At(beside, 0.99);
  state.counters["alone_p50_us"] = At(alone, 0.5);
  state.counters["beside_p50_us"] = At(beside, 0.5);
}

BENCHMARK(Healthy)
    ->Name("Ours/healthy")
    ->Iterations(1)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace penstock

int main(int argc, char** argv) {
  penstock::bench::MaybeServeAsHook(argc, argv);
  penstock::SetLogSink(penstock::TakeLine);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
