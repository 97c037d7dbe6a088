// SPDX-License-Identifier: Apache-2.0
// What it costs a real penstockd to hold messages that wait for their hook. A store is filled with
// them once; each run starts the daemon on it.
//
//   waiting/MESSAGES   time from the start of the process to its first "220"
//     octets           resident memory a message, over that of a daemon with an empty store
//     idle_percent     processor time of an idle second
//     megabytes        resident memory in all
//
// Files are below the temporary folder (TMPDIR): 1.3 GB for 1,000,000 messages.
#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/thread_pool.hpp>

#include "engine/base/check.h"
#include "engine/base/ids.h"
#include "engine/base/strings.h"
#include "engine/store/sqlite_store.h"
#include "tests/support/await.h"
#include "tests/support/store_samples.h"
#include "tests/support/temporary_folder.h"

namespace penstock {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::int64_t kGroup = 1000;  // messages in one commit
constexpr milliseconds kSettle{1000};  // until the start's own work is over
constexpr milliseconds kIdle{3000};
constexpr milliseconds kReadyMax{120'000};

RandomBytes IdOf(std::int64_t number) {
  RandomBytes bytes{};
  auto value = static_cast<std::uint64_t>(number) * 0x9e3779b97f4a7c15U;
  for (std::size_t i = 0; i < bytes.size(); ++i, value = value * 6364136223846793005U + 1)
    bytes[i] = static_cast<std::uint8_t>(value >> 56U);
  return bytes;
}

// A folder with a store of so many waiting messages. None of them is due during the benchmark.
std::unique_ptr<tests::TemporaryFolder> Fill(std::int64_t messages) {
  auto folder = std::make_unique<tests::TemporaryFolder>();
  boost::asio::thread_pool threads(1);
  const auto store = store::SqliteStore::Open(folder->path() + "/data").value();
  const Time due = std::chrono::time_point_cast<Time::duration>(std::chrono::system_clock::now()) +
                   std::chrono::hours(3);
  for (std::int64_t i = 0; i < messages;) {
    ports::Transaction transaction;
    for (const std::int64_t end = std::min(messages, i + kGroup); i < end; ++i) {
      transaction.contents.push_back(store->NewContent().value());
      PENSTOCK_CHECK(transaction.contents.back()->Write("Subject: hello\r\n\r\nhello\r\n").ok());
      flow::MessageState state = tests::Waiting(
          tests::ActiveMessage(FormatUuid(IdOf(i)), transaction.contents.back()->id()),
          due + std::chrono::seconds(i % 3600));
      transaction.messages.push_back(
          {std::move(state), {tests::Line(flow::HistoryKind::kAccepted, "from 192.0.2.1")}});
    }
    PENSTOCK_CHECK(
        tests::Await(threads.get_executor(), store->Commit(std::move(transaction))).ok());
  }
  return folder;
}

const std::string& FolderWith(std::int64_t messages) {
  static std::map<std::int64_t, std::unique_ptr<tests::TemporaryFolder>> folders;
  auto& folder = folders[messages];
  if (folder == nullptr) folder = Fill(messages);
  return folder->path();
}

int Connect(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    return socket;
  }
  close(socket);
  return -1;
}

std::uint16_t FreePort() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  PENSTOCK_CHECK(bind(socket, reinterpret_cast<const sockaddr*>(&address), size) == 0);
  PENSTOCK_CHECK(getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  close(socket);
  return ntohs(address.sin_port);
}

// penstockd on a folder, from its start to the end of this object.
class Daemon {
 public:
  explicit Daemon(const std::string& folder) : port_(FreePort()) {
    const std::string config = folder + "/penstock.yaml";
    std::ofstream(config) << Cat("hostname: mx.org.example\ndata_folder: ", folder, "/data\n",
                                 "listeners: [{name: mx, listen: \"127.0.0.1:", port_,
                                 "\", direction: inbound}]\nadmin: {socket: ", folder,
                                 "/admin/admin.sock}\nnext_hops: [{name: relay, smtp: {host: "
                                 "127.0.0.1, port: 9}}]\nroutes: {inbound: relay, outbound: relay,"
                                 " bounces: relay}\n");
    std::string program = PENSTOCKD;
    std::string option = "--config";
    std::string argument = config;
    std::array<char*, 4> arguments = {program.data(), option.data(), argument.data(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, (folder + "/log").c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    setenv("PENSTOCK_ALLOW_ROOT", "1", 0);  // it may run as root
    PENSTOCK_CHECK(
        posix_spawn(&process_, PENSTOCKD, &actions, nullptr, arguments.data(), environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
  }

  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  ~Daemon() {
    kill(process_, SIGTERM);
    waitpid(process_, nullptr, 0);
  }

  // Whether it greeted in time.
  [[nodiscard]] bool WaitReady() const {
    const auto end = steady_clock::now() + kReadyMax;
    while (steady_clock::now() < end) {
      const int socket = Connect(port_);
      if (socket < 0) {
        if (waitpid(process_, nullptr, WNOHANG) != 0) return false;
        std::this_thread::sleep_for(milliseconds(1));
        continue;
      }
      std::array<char, 64> greeting{};
      const ssize_t octets = read(socket, greeting.data(), greeting.size());
      close(socket);
      return octets >= 4 && std::string_view(greeting.data(), 4) == "220 ";
    }
    return false;
  }

  [[nodiscard]] double ResidentOctets() const {
    std::ifstream file(Cat("/proc/", process_, "/statm"));
    std::uint64_t size = 0;
    std::uint64_t resident = 0;
    file >> size >> resident;
    return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
  }

  [[nodiscard]] double ProcessorSeconds() const {
    std::ifstream file(Cat("/proc/", process_, "/stat"));
    const std::string text(std::istreambuf_iterator<char>(file), {});
    // After "pid (name) ", utime and stime are the 12th and 13th.
    const std::vector<std::string_view> fields =
        Split(std::string_view(text).substr(text.rfind(')') + 2), ' ');
    const auto ticks =
        ParseInt<std::int64_t>(fields[11]).value() + ParseInt<std::int64_t>(fields[12]).value();
    return static_cast<double>(ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
  }

 private:
  const std::uint16_t port_;
  pid_t process_ = 0;
};

// Of a daemon with an empty store.
double BaseOctets() {
  static const double octets = [] {
    const Daemon daemon(FolderWith(0));
    PENSTOCK_CHECK(daemon.WaitReady());
    std::this_thread::sleep_for(kSettle);
    return daemon.ResidentOctets();
  }();
  return octets;
}

void Hold(benchmark::State& state) {
  const std::string& folder = FolderWith(state.range(0));
  const double base = BaseOctets();
  for (auto _ : state) {
    const auto begin = steady_clock::now();
    const Daemon daemon(folder);
    if (!daemon.WaitReady()) {
      state.SkipWithError("penstockd did not greet");
      return;
    }
    state.SetIterationTime(std::chrono::duration<double>(steady_clock::now() - begin).count());
    std::this_thread::sleep_for(kSettle);
    const double resident = daemon.ResidentOctets();
    const double before = daemon.ProcessorSeconds();
    std::this_thread::sleep_for(kIdle);
    state.counters["idle_percent"] =
        (daemon.ProcessorSeconds() - before) * 100'000 / static_cast<double>(kIdle.count());
    state.counters["octets"] = (resident - base) / static_cast<double>(state.range(0));
    state.counters["megabytes"] = resident / 1e6;
  }
}

BENCHMARK(Hold)
    ->Name("Ours/waiting")
    ->Arg(10'000)
    ->Arg(100'000)
    ->Arg(1'000'000)
    ->UseManualTime()
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace penstock
