// SPDX-License-Identifier: Apache-2.0
// How fast mail is accepted: messages from MAIL to the 250 that says they are on disk (A5), by
// clients that send one after the other and wait for each reply.
//
//   KB/N   content of so many KB, N sessions at a time
//
// Beside it in each iteration, on the same disk and by the same clients:
//   log    the content alone, appended to one file by the same number of threads; one thread writes
//          and syncs what has gathered: the group commit that no store can beat
//   sink   smtp-sink of Postfix, which takes mail and throws it away (PENSTOCK_SMTP_SINK names it;
//          tools/bench sees to that)
// `share` is our rate by the smaller of the two; `log` and `sink` are theirs in messages a second.
// `cpu_us` is what our side takes of processors for a message: this process's time but for the
// clients'.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include "engine/async/strand.h"
#include "engine/base/check.h"
#include "engine/base/strings.h"
#include "engine/embed/assembly.h"
#include "engine/ingress/smtp_server.h"
#include "engine/runtime/context.h"
#include "engine/runtime/message_schedule.h"
#include "tests/bench/loopback.h"
#include "tests/bench/smtp_load.h"

extern char** environ;

namespace penstock {
namespace {

namespace asio = async::asio;
using std::chrono::steady_clock;

struct Result {
  double rate = 0;    // messages a second
  double cpu_us = 0;  // of this process for a message, but for the clients
};

// What becomes of `messages` that `sessions` clients deliver to a server.
Result Deliver(std::uint16_t port, std::size_t sessions, std::size_t messages,
               const std::string& content) {
  std::vector<std::unique_ptr<bench::SmtpClient>> clients;
  for (std::size_t i = 0; i < sessions; ++i)
    clients.push_back(std::make_unique<bench::SmtpClient>(port));
  double of_clients = 0;
  const double before = bench::CpuSecondsOf(RUSAGE_SELF);
  const double seconds = bench::Together(sessions, of_clients, [&](std::size_t i) {
    for (std::size_t n = 0; n < messages / sessions; ++n)
      clients[i]->Deliver(content);
  });
  const double cpu = bench::CpuSecondsOf(RUSAGE_SELF) - before - of_clients;
  const auto count = static_cast<double>(messages);
  return {count / seconds, cpu * 1e6 / count};
}

// A file to which many append, and one writes and syncs.
class Log {
 public:
  explicit Log(const std::filesystem::path& path)
      : file_(open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600)), writer_([this] { Run(); }) {
    PENSTOCK_CHECK(file_ >= 0);
  }

  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  ~Log() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    writer_.join();
    close(file_);
  }

  // Returns when it is on disk.
  void Append(const std::string& octets) {
    std::unique_lock lock(mutex_);
    gathered_ += octets;
    const std::size_t group = group_;
    wake_.notify_one();
    synced_.wait(lock, [&] { return synced_group_ > group; });
  }

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return stopping_ || !gathered_.empty(); });
      if (gathered_.empty()) return;
      std::string group;
      group.swap(gathered_);
      ++group_;
      lock.unlock();
      PENSTOCK_CHECK(write(file_, group.data(), group.size()) ==
                     static_cast<ssize_t>(group.size()));
      PENSTOCK_CHECK(fdatasync(file_) == 0);
      lock.lock();
      synced_group_ = group_;
      synced_.notify_all();
    }
  }

  const int file_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable synced_;
  std::string gathered_;
  std::size_t group_ = 0;         // number of the one that gathers
  std::size_t synced_group_ = 0;  // all before it are on disk
  bool stopping_ = false;
  std::thread writer_;
};

double AppendToLog(const std::filesystem::path& folder, std::size_t threads, std::size_t messages,
                   const std::string& content) {
  const std::filesystem::path path = folder / "bare.log";
  double seconds = 0;
  {
    double ignored = 0;
    Log log(path);
    seconds = bench::Together(threads, ignored, [&](std::size_t) {
      for (std::size_t n = 0; n < messages / threads; ++n)
        log.Append(content);
    });
  }
  std::filesystem::remove(path);
  return static_cast<double>(messages) / seconds;
}

// smtp-sink on a free port; `port` is 0 where there is none.
class Sink {
 public:
  Sink() {
    const char* program = std::getenv("PENSTOCK_SMTP_SINK");
    if (program == nullptr) return;
    const std::uint16_t free_port = bench::FreePort();
    const std::string address = Cat("127.0.0.1:", free_port);
    std::vector<std::string> words = {program, "-u", "nobody", address, "100"};
    if (geteuid() != 0) words.erase(words.begin() + 1, words.begin() + 3);
    std::vector<char*> arguments;
    for (std::string& word : words)
      arguments.push_back(word.data());
    arguments.push_back(nullptr);
    PENSTOCK_CHECK(posix_spawn(&process_, program, nullptr, nullptr, arguments.data(), environ) ==
                   0);
    for (int tries = 0; tries < 100 && !Listens(free_port); ++tries)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    PENSTOCK_CHECK(Listens(free_port));
    port = free_port;
  }

  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  ~Sink() {
    if (process_ == 0) return;
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }

  std::uint16_t port = 0;

 private:
  static bool Listens(std::uint16_t port) {
    const int client = bench::Connect(port);
    close(client);
    return client >= 0;
  }

  pid_t process_ = 0;
};

// The engine with its store on disk and an SMTP listener. What it has accepted waits: deliveries
// are another matter.
class House {
 public:
  explicit House(const std::filesystem::path& folder) {
    embed::AssemblyOptions options;
    options.data_folder = folder / "data";
    options.hostname = "mx.example";
    options.settings.flow.inbound_next_hop = "mailbox";
    auto opened = embed::Assembly::Open(std::move(options));
    PENSTOCK_CHECK(opened.ok());
    assembly_ = *std::move(opened);
    runtime::Context& context = assembly_->context();
    ports::Transaction transaction;
    ports::ResourceChange change;
    change.resource = rules::Organization{"default", {"example.com"}};
    transaction.resources.push_back(std::move(change));
    PENSTOCK_CHECK(Wait(context.store.Commit(std::move(transaction))).ok());
    PENSTOCK_CHECK(Wait(context.directory.Load()).ok());
    assembly_->schedule().Stop();

    ingress::SmtpServerOptions listener;
    listener.listen.host = "127.0.0.1";
    listener.connection.session.host_name = "mx.example";
    listener.connection.session.message_octets_max = 1U << 20U;
    listener.connection.policy.name = "in";
    server_ = std::make_unique<ingress::SmtpServer>(context.executor, std::move(listener),
                                                    assembly_->intake(), assembly_->clock());
    const auto endpoint = server_->Start();
    PENSTOCK_CHECK(endpoint.ok());
    port_ = endpoint->port;
  }

  ~House() {
    server_.reset();
    PENSTOCK_CHECK(assembly_->Stop(std::chrono::seconds(10)));
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  template <class T>
  T Wait(asio::awaitable<T> work) {
    const auto strand = async::MakeStrand(assembly_->context().executor);
    return asio::co_spawn(strand, std::move(work), asio::use_future).get();
  }

  std::unique_ptr<embed::Assembly> assembly_;
  std::unique_ptr<ingress::SmtpServer> server_;
  std::uint16_t port_ = 0;
};

void Accept(benchmark::State& state) {
  static Sink sink;
  const std::string content = bench::ContentOf(static_cast<std::size_t>(state.range(0)) * 1024);
  const auto sessions = static_cast<std::size_t>(state.range(1));
  const std::size_t messages = sessions * (sessions == 1 ? 150 : state.range(0) == 100 ? 15 : 40);
  // Here, not where temporary files go: that may be no disk.
  std::string folder = "accept_bench.XXXXXX";
  PENSTOCK_CHECK(mkdtemp(folder.data()) != nullptr);
  double log = 0;
  double swallowed = 0;
  Result ours;
  {
    const House house(std::filesystem::absolute(folder));
    for (auto _ : state) {
      log = AppendToLog(folder, sessions, messages, content);
      if (sink.port != 0) swallowed = Deliver(sink.port, sessions, messages, content).rate;
      ours = Deliver(house.port(), sessions, messages, content);
      state.SetIterationTime(1 / ours.rate);
    }
  }
  std::filesystem::remove_all(folder);
  state.counters["share"] = ours.rate / (swallowed > 0 ? std::min(log, swallowed) : log);
  state.counters["rate"] = ours.rate;
  state.counters["cpu_us"] = ours.cpu_us;
  state.counters["log"] = log;
  state.counters["sink"] = swallowed;
}

BENCHMARK(Accept)
    ->Name("Ours")
    ->ArgsProduct({{1, 10, 100}, {1, 10, 50}})
    ->Iterations(1)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace penstock
