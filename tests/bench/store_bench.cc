// SPDX-License-Identifier: Apache-2.0
// What it costs to accept a message durably, time a message, N commits being in flight at a time.
//
//   accept/OCTETS/N   content of OCTETS, one recipient, one line of history, in one commit.
//                     Limit/…: the same octets appended to one file with a group commit of the
//                     same form (one thread, one fdatasync for all that wait), and nothing else
//   life/OCTETS/N     the same, then a second commit that closes the message and lets content go
//   layout/OCTETS/N   accept again. Rival/…: content in a file of its own, synced with its folder
//                     by its caller, before the same commit without content
//   place/OCTETS/N    accept again. Rival/…: content put where the store does not put this length
//                     (in segments instead of the database, or the other way round)
//
// Files are below the temporary folder (TMPDIR): it should be on the disk that is meant.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/thread_pool.hpp>

#include "engine/async/spawn.h"
#include "engine/base/check.h"
#include "engine/base/mutex.h"
#include "engine/base/strings.h"
#include "engine/store/await_done.h"
#include "engine/store/file_system.h"
#include "engine/store/record.h"
#include "engine/store/sqlite_store.h"
#include "tests/support/store_samples.h"
#include "tests/support/temporary_folder.h"

namespace penstock::store {
namespace {

using async::asio::awaitable;

constexpr int kClosingGroup = 200;

// Appends and syncs, as a group: the least that any durable acceptance does.
class BareLog {
 public:
  explicit BareLog(const std::string& folder)
      : file_(RealFileSystem().Create(folder + "/log").value()), thread_([this] { Run(); }) {}

  ~BareLog() {
    {
      const MutexLock lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  async::Task<void> Append(std::string_view octets) {
    const auto start = [this, octets](Done<Status> done) {
      const MutexLock lock(mutex_);
      waiting_.push_back({octets, std::move(done)});
      if (waiting_.size() == 1) wake_.notify_one();
    };
    co_return co_await AwaitDone<Status>(start);
  }

 private:
  struct Entry {
    std::string_view octets;
    Done<Status> done;
  };

  void Run() {
    for (;;) {
      std::vector<Entry> entries;
      {
        const MutexLock lock(mutex_);
        while (waiting_.empty()) {
          if (stopping_) return;
          wake_.wait(mutex_);
        }
        entries.swap(waiting_);
      }
      std::string all;
      for (const Entry& entry : entries)
        all += entry.octets;
      // Goes round in a file of the size that the store's own files have.
      if (end_ > limits::kSegmentOctets) end_ = 0;
      Status status = file_->Write(end_, all);
      end_ += all.size();
      if (status.ok()) status = file_->Sync();
      for (Entry& entry : entries)
        entry.done(status);
    }
  }

  const std::unique_ptr<File> file_;
  std::uint64_t end_ = 0;
  Mutex mutex_;
  ConditionVariable wake_;
  std::vector<Entry> waiting_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

// A store, and coroutines that give it messages.
class Load {
 public:
  Load(std::size_t octets, int in_flight, SqliteStore::Options options)
      : octets_(tests::Octets(octets)),
        in_flight_(in_flight),
        store_(SqliteStore::Open(folder_.path() + "/store", std::move(options)).value()) {
    std::filesystem::create_directory(folder_.path() + "/files");
  }

  enum class Kind { kAccept, kLife, kFileEach };

  // Accepts `count` messages.
  void Run(Kind kind, std::int64_t count) {
    left_ = count;
    for (int i = 0; i < in_flight_; ++i)
      tasks_.Spawn(threads_.get_executor(), Feed(this, kind), "feed");
    while (!tasks_.WaitIdle(Milliseconds(1000))) {
    }
  }

  // Closes what Run has left, so that the next one finds what this one found.
  void CloseAll() {
    while (!accepted_.empty()) {
      tasks_.Spawn(threads_.get_executor(), CloseSome(this), "close");
      while (!tasks_.WaitIdle(Milliseconds(1000))) {
      }
    }
    std::error_code ignored;
    for (const auto& file : std::filesystem::directory_iterator(folder_.path() + "/files"))
      std::filesystem::remove(file.path(), ignored);
  }

 private:
  static awaitable<void> Feed(Load* load, Kind kind) {
    while (load->left_.fetch_sub(1) > 0) {
      const std::uint64_t number = ++load->number_;
      ports::Transaction transaction;
      transaction.contents.push_back(load->store_->NewContent().value());
      if (kind == Kind::kFileEach) {
        load->WriteFile(number);
      } else {
        PENSTOCK_CHECK(transaction.contents[0]->Write(load->octets_).ok());
      }
      flow::MessageState state = tests::ActiveMessage(
          Cat("4f3c1a52-0000-4000-8000-", 100'000'000'000 + number), transaction.contents[0]->id());
      transaction.messages.push_back(
          {state, {tests::Line(flow::HistoryKind::kAccepted, "from 192.0.2.1")}});
      const Status status = co_await load->store_->Commit(std::move(transaction));
      PENSTOCK_CHECK(status.ok());
      if (kind != Kind::kLife) {
        const MutexLock lock(load->mutex_);
        load->accepted_.push_back(std::move(state));
        continue;
      }
      ports::Transaction close;
      close.messages.push_back({tests::Closed(std::move(state)), {}});
      const Status closed = co_await load->store_->Commit(std::move(close));
      PENSTOCK_CHECK(closed.ok());
    }
  }

  static awaitable<void> CloseSome(Load* load) {
    ports::Transaction close;
    {
      const MutexLock lock(load->mutex_);
      for (int i = 0; i < kClosingGroup && !load->accepted_.empty(); ++i) {
        close.messages.push_back({tests::Closed(std::move(load->accepted_.back())), {}});
        load->accepted_.pop_back();
      }
    }
    const Status status = co_await load->store_->Commit(std::move(close));
    PENSTOCK_CHECK(status.ok());
  }

  void WriteFile(std::uint64_t number) {
    FileSystem& files = RealFileSystem();
    const std::string folder = folder_.path() + "/files";
    const auto file = files.Create(Cat(folder, "/", number));
    PENSTOCK_CHECK((*file)->Write(0, octets_).ok());
    PENSTOCK_CHECK((*file)->Sync().ok());
    PENSTOCK_CHECK(files.SyncFolder(folder).ok());
  }

  const tests::TemporaryFolder folder_;
  const std::string octets_;
  const int in_flight_;
  std::atomic<std::int64_t> left_{0};
  std::atomic<std::uint64_t> number_{0};
  Mutex mutex_;
  std::vector<flow::MessageState> accepted_ ABSL_GUARDED_BY(mutex_);
  boost::asio::thread_pool threads_{2};
  async::TaskGroup tasks_;
  std::unique_ptr<SqliteStore> store_;
};

std::int64_t BatchOf(const benchmark::State& state) {
  return std::max<std::int64_t>(64, state.range(1) * 4);
}

void RunLoad(benchmark::State& state, Load::Kind kind, SqliteStore::Options options = {}) {
  Load load(static_cast<std::size_t>(state.range(0)), static_cast<int>(state.range(1)),
            std::move(options));
  while (state.KeepRunningBatch(BatchOf(state))) {
    load.Run(kind, BatchOf(state));
    state.PauseTiming();
    load.CloseAll();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations());
}

awaitable<void> FeedLog(BareLog* log, const std::string* octets, std::atomic<std::int64_t>* left) {
  while (left->fetch_sub(1) > 0) {
    const Status status = co_await log->Append(*octets);
    PENSTOCK_CHECK(status.ok());
  }
}

void RunBareLog(benchmark::State& state) {
  const tests::TemporaryFolder folder;
  BareLog log(folder.path());
  // What the store writes of it: content, record, history.
  const flow::MessageState message =
      tests::ActiveMessage("4f3c1a52-0000-4000-8000-100000000000", ContentId("0000000100000001"));
  const std::string octets =
      tests::Octets(static_cast<std::size_t>(state.range(0))) + EncodeMessage(message) +
      EncodeHistory({tests::Line(flow::HistoryKind::kAccepted, "from 192.0.2.1")});
  boost::asio::thread_pool threads(2);
  async::TaskGroup tasks;
  while (state.KeepRunningBatch(BatchOf(state))) {
    std::atomic<std::int64_t> left{BatchOf(state)};
    for (int i = 0; i < state.range(1); ++i)
      tasks.Spawn(threads.get_executor(), FeedLog(&log, &octets, &left), "feed");
    while (!tasks.WaitIdle(Milliseconds(1000))) {
    }
  }
  state.SetItemsProcessed(state.iterations());
}

void Accept(benchmark::State& state) {
  RunLoad(state, Load::Kind::kAccept);
}

void Live(benchmark::State& state) {
  RunLoad(state, Load::Kind::kLife);
}

void FileEach(benchmark::State& state) {
  RunLoad(state, Load::Kind::kFileEach);
}

void OtherPlace(benchmark::State& state) {
  SqliteStore::Options options;
  const bool is_inline =
      static_cast<std::size_t>(state.range(0)) <= options.inline_content_octets_max;
  options.inline_content_octets_max = is_inline ? 0 : kBlockOctets;
  RunLoad(state, Load::Kind::kAccept, options);
}

void Register(const char* name, void (*run)(benchmark::State&), std::vector<std::int64_t> octets,
              std::vector<std::int64_t> in_flight) {
  benchmark::RegisterBenchmark(name, run)
      ->ArgsProduct({std::move(octets), std::move(in_flight)})
      ->UseRealTime()
      ->Unit(benchmark::kMicrosecond);
}

const bool kRegistered = [] {
  const std::vector<std::int64_t> mail = {1024, 10'240, 102'400};
  const std::vector<std::int64_t> load = {1, 16, 256};
  Register("Ours/accept", Accept, mail, load);
  Register("Limit/accept", RunBareLog, mail, load);
  Register("Ours/life", Live, mail, load);
  Register("Ours/layout", Accept, mail, {1, 16});
  Register("Rival/layout", FileEach, mail, {1, 16});
  const std::vector<std::int64_t> near = {4096, 8192, 16'384, 32'768, 65'536};
  Register("Ours/place", Accept, near, load);
  Register("Rival/place", OtherPlace, near, load);
  return true;
}();

}  // namespace
}  // namespace penstock::store
