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
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <benchmark/benchmark.h>

#include <boost/asio/thread_pool.hpp>

#include "engine/base/check.h"
#include "engine/base/ids.h"
#include "engine/base/limits.h"
#include "engine/store/sqlite_store.h"
#include "tests/bench/daemon_process.h"
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
constexpr std::uint16_t kNoNextHop = 9;  // nothing goes out

RandomBytes IdOf(std::int64_t number) {
  RandomBytes bytes{};
  auto value = static_cast<std::uint64_t>(number) * 0x9e3779b97f4a7c15U;
  for (std::size_t i = 0; i < bytes.size(); ++i, value = value * 6364136223846793005U + 1)
    bytes[i] = static_cast<std::uint8_t>(value >> 56U);
  return bytes;
}

// A folder with a store of so many waiting messages. None of them is due during the benchmark, or
// so far ahead that the clock would count as set back.
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
          due + std::chrono::seconds(i % 1800));
      state.invocations[0].rule_timeout = limits::kRuleTimeoutMax;
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

// Of a daemon with an empty store.
double BaseOctets() {
  static const double octets = [] {
    const bench::DaemonProcess daemon(FolderWith(0), kNoNextHop);
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
    const bench::DaemonProcess daemon(folder, kNoNextHop);
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
