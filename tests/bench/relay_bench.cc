// SPDX-License-Identifier: Apache-2.0
// How fast mail passes through: messages a second from the first connect to the last one's arrival
// at an SMTP sink, which counts them and compares their text. Each is received, given its rule,
// written and synced, delivered by SMTP and closed by a real penstockd.
//
//   KB/N   content of so many KB, by N sessions that send one message after the other
//
// Beside it in each iteration, in turns, from the same clients to the same sink:
//   sink             nothing in between
//   bare             a proxy that keeps a message in memory, adds a field and passes it on
//   hook             penstockd with a hook on every message, a process of its own that says DEFAULT
//   postfix, …       the servers that PENSTOCK_RELAY_SERVERS names ("postfix=4711 exim=…"), whose
//                    next hop is the port that PENSTOCK_RELAY_SINK names; tools/bench starts them
// `rate` is ours and `rate_NAME` theirs, in messages a second; `by_NAME` ours by theirs of one
// iteration, and `hook_share` what is left of our rate with the hook. `cpu_us` is what penstockd
// takes of processors for a message.
//
//   relay_bench --serve-as-proxy PORT NEXT   serves as that proxy for good, for Postfix's filter
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include <boost/asio/thread_pool.hpp>

#include "engine/base/check.h"
#include "engine/base/strings.h"
#include "engine/flow/hook.h"
#include "engine/rules/flow_rule.h"
#include "engine/rules/organization.h"
#include "engine/store/sqlite_store.h"
#include "tests/bench/daemon_process.h"
#include "tests/bench/hook_process.h"
#include "tests/bench/relay_peers.h"
#include "tests/bench/smtp_load.h"
#include "tests/support/await.h"

namespace penstock {
namespace {

constexpr char kServeAsProxy[] = "--serve-as-proxy";
constexpr double kSeconds = 0.8;  // that one measurement should take
constexpr std::size_t kMessagesMax = 20'000;
constexpr std::int64_t kOpenSmtpdSessionsMax =
    10;  // of 50 it leaves some without a reply for a minute

std::uint16_t PortFrom(const char* text) {
  return ParseInt<std::uint16_t>(text).value();
}

// The bare proxy, in a process of its own as servers are.
class ProxyProcess {
 public:
  explicit ProxyProcess(std::uint16_t next) : port_(bench::FreePort()) {
    std::string program = std::filesystem::read_symlink("/proc/self/exe");
    std::string mark = kServeAsProxy;
    std::string own = Cat(port_);
    std::string other = Cat(next);
    char* const arguments[] = {program.data(), mark.data(), own.data(), other.data(), nullptr};
    PENSTOCK_CHECK(posix_spawn(&process_, program.c_str(), nullptr, nullptr, arguments, environ) ==
                   0);
    for (int tries = 0; tries < 200; ++tries) {
      const int probe = bench::Connect(port_);
      close(probe);
      if (probe >= 0) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    PENSTOCK_CHECK(!"the proxy listens");
  }

  ProxyProcess(const ProxyProcess&) = delete;
  ProxyProcess& operator=(const ProxyProcess&) = delete;

  ~ProxyProcess() {
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  const std::uint16_t port_;
  pid_t process_ = 0;
};

// A folder whose store has a rule for all mail of example.com: to be delivered, or to be shown to
// the hook on `target`.
std::string MakeFolder(const std::filesystem::path& parent, const std::string& name,
                       const std::string& target) {
  const std::string folder = parent / name;
  std::filesystem::create_directory(folder);
  rules::FlowRule rule;
  rule.organization = "default";
  rule.name = "all";
  rule.sender_patterns = {"*"};
  rule.recipient_patterns = {"*"};
  ports::Transaction transaction;
  const auto add = [&transaction](auto resource) {
    ports::ResourceChange change;
    change.resource = std::move(resource);
    transaction.resources.push_back(std::move(change));
  };
  add(rules::Organization{"default", {"example.com"}});
  if (!target.empty()) {
    flow::Hook hook;
    hook.name = "decide";
    hook.target = target;
    hook.stream = true;
    flow::Permission permission;
    permission.statement_id = "all";
    permission.organization = "default";
    hook.permissions = {permission};
    rule.run_hook.emplace();
    rule.run_hook->hook = hook.name;
    rule.run_hook->rule_timeout = std::chrono::minutes(5);
    add(std::move(hook));
  }
  add(std::move(rule));
  boost::asio::thread_pool threads(1);
  const auto store = store::SqliteStore::Open(folder + "/data").value();
  PENSTOCK_CHECK(tests::Await(threads.get_executor(), store->Commit(std::move(transaction))).ok());
  return folder;
}

// Everyone who takes part, from the first benchmark to the last.
class World {
 public:
  World()
      : sink_(std::getenv("PENSTOCK_RELAY_SINK") ? PortFrom(std::getenv("PENSTOCK_RELAY_SINK"))
                                                 : std::uint16_t{0}),
        proxy_(sink_.port()),
        hook_(std::chrono::seconds(0), v1::Action::DEFAULT) {
    // Here, not where temporary files go: that may be no disk.
    std::string name = "relay_bench.XXXXXX";
    PENSTOCK_CHECK(mkdtemp(name.data()) != nullptr);
    folder_ = std::filesystem::absolute(name);
    const std::string plain = MakeFolder(folder_, "plain", "");
    const std::string hooked = MakeFolder(folder_, "hooked", hook_.target());
    plain_ = std::make_unique<bench::DaemonProcess>(plain, sink_.port());
    hooked_ = std::make_unique<bench::DaemonProcess>(hooked, sink_.port());
    PENSTOCK_CHECK(plain_->WaitReady() && hooked_->WaitReady());
    const char* const servers = std::getenv("PENSTOCK_RELAY_SERVERS");
    std::istringstream words(servers != nullptr ? servers : "");
    for (std::string word; words >> word;) {
      const std::size_t sign = word.find('=');
      PENSTOCK_CHECK(sign != std::string::npos);
      others_.emplace_back(word.substr(0, sign), PortFrom(word.c_str() + sign + 1));
    }
    others_.emplace_back("sink", sink_.port());
    others_.emplace_back("bare", proxy_.port());
    others_.emplace_back("hook", hooked_->port());
  }

  World(const World&) = delete;
  World& operator=(const World&) = delete;

  ~World() {
    plain_.reset();
    hooked_.reset();
    std::filesystem::remove_all(folder_);
  }

  [[nodiscard]] const bench::DaemonProcess& ours() const { return *plain_; }

  [[nodiscard]] const std::vector<std::pair<std::string, std::uint16_t>>& others() const {
    return others_;
  }

  // Seconds until all of `messages` have passed through the server on `port`.
  double Pass(std::uint16_t port, std::size_t octets, std::size_t sessions, std::size_t messages) {
    const std::string field =
        Cat(bench::RelaySink::kField, std::string(bench::RelaySink::kDigits, '0'), "\r\n");
    const std::string content = bench::ContentOf(octets, field);
    const std::size_t number_at = content.find(field) + bench::RelaySink::kField.size();
    const std::size_t body_at = content.find("\r\n\r\n") + 4;
    const std::uint64_t first = sink_.Expect(messages, std::string_view(content).substr(body_at));
    double ignored = 0;
    const auto start = bench::steady_clock::now();
    bench::Together(sessions, ignored, [&](std::size_t session) {
      std::string mine = content;
      bench::SmtpClient client(port);
      for (std::size_t i = session; i < messages; i += sessions) {
        const std::string digits = Cat(first + i);
        mine.replace(number_at, bench::RelaySink::kDigits,
                     std::string(bench::RelaySink::kDigits - digits.size(), '0') + digits);
        client.Deliver(mine);
      }
      client.Quit();
    });
    return std::chrono::duration<double>(sink_.WaitAll() - start).count();
  }

 private:
  bench::RelaySink sink_;
  const ProxyProcess proxy_;
  const bench::HookProcess hook_;
  std::filesystem::path folder_;
  std::unique_ptr<bench::DaemonProcess> plain_;
  std::unique_ptr<bench::DaemonProcess> hooked_;
  std::vector<std::pair<std::string, std::uint16_t>> others_;
};

World* world = nullptr;  // while benchmarks run

// One size and number of sessions: how many messages each server gets, so that a slow one is
// measured as long as a fast one.
class Cell {
 public:
  Cell(std::size_t octets, std::size_t sessions) : octets_(octets), sessions_(sessions) {}

  double Rate(const std::string& name, std::uint16_t port) {
    std::fprintf(stderr, "%s: %zu octets, %zu sessions\n", name.c_str(), octets_, sessions_);
    auto [found, first] = messages_.try_emplace(name, std::max<std::size_t>(2 * sessions_, 20));
    std::size_t& messages = found->second;
    // A first few tell little of a fast one: so again, with as many as they promise.
    for (double seconds = 0; first && seconds < kSeconds / 4 && messages < kMessagesMax;) {
      const double rate = Once(port, messages);
      seconds = static_cast<double>(messages) / rate;
      messages = Wanted(rate);
    }
    return Once(port, messages);
  }

  [[nodiscard]] std::size_t messages(const std::string& name) const { return messages_.at(name); }

 private:
  double Once(std::uint16_t port, std::size_t messages) {
    return static_cast<double>(messages) / world->Pass(port, octets_, sessions_, messages);
  }

  [[nodiscard]] std::size_t Wanted(double rate) const {
    const auto messages = static_cast<std::size_t>(rate * kSeconds);
    const std::size_t bounded = std::min(messages, kMessagesMax);
    return std::max(bounded - bounded % sessions_, std::max<std::size_t>(sessions_, 5));
  }

  const std::size_t octets_;
  const std::size_t sessions_;
  std::map<std::string, std::size_t> messages_;
};

void Relay(benchmark::State& state) {
  static std::map<std::pair<std::int64_t, std::int64_t>, Cell> cells;
  Cell& cell = cells
                   .try_emplace({state.range(0), state.range(1)},
                                static_cast<std::size_t>(state.range(0)) * 1024,
                                static_cast<std::size_t>(state.range(1)))
                   .first->second;
  for (auto _ : state) {
    cell.Rate("ours", world->ours().port());  // not counted: connections to the sink are made
    const double cpu = world->ours().ProcessorSeconds();
    const double ours = cell.Rate("ours", world->ours().port());
    state.counters["cpu_us"] =
        (world->ours().ProcessorSeconds() - cpu) * 1e6 / static_cast<double>(cell.messages("ours"));
    state.counters["rate"] = ours;
    state.SetIterationTime(1 / ours);
    for (const auto& [name, port] : world->others()) {
      if (name == "opensmtpd" && state.range(1) > kOpenSmtpdSessionsMax) continue;
      const double theirs = cell.Rate(name, port);
      state.counters[Cat("rate_", name)] = theirs;
      if (name == "hook") {
        state.counters["hook_share"] = theirs / ours;
      } else {
        state.counters[Cat("by_", name)] = ours / theirs;
      }
    }
  }
}

BENCHMARK(Relay)
    ->Name("Ours")
    ->ArgsProduct({{1, 10, 1024}, {1, 10, 50}})
    ->Iterations(1)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace penstock

int main(int argc, char** argv) {
  using namespace penstock;
  if (argc == 4 && std::strcmp(argv[1], kServeAsProxy) == 0) {
    const std::uint16_t next = PortFrom(argv[3]);
    bench::ServeAll(bench::Listen(PortFrom(argv[2])),
                    [next] { return bench::MakePassThrough(next); });
  }
  bench::MaybeServeAsHook(argc, argv);
  benchmark::Initialize(&argc, argv);
  World here;
  world = &here;
  benchmark::RunSpecifiedBenchmarks();
  world = nullptr;
  return 0;
}
