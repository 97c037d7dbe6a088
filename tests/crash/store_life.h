// SPDX-License-Identifier: Apache-2.0
// A SQLite store on a simulated disk does a script of steps beside a store in memory that does the
// same, and it is noted what had been promised when: at which operation of the disk which commit
// had returned. After a power cut at any operation, the store must show the picture after the last
// commit that had returned, or after a later one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include "engine/store/memory_store.h"
#include "engine/store/sqlite_store.h"
#include "tests/crash/simulated_disk.h"
#include "tests/crash/simulated_files.h"
#include "tests/crash/simulated_vfs.h"
#include "tests/crash/workload.h"

namespace penstock::tests {

// One thread that runs coroutines to their end.
class Coroutines {
 public:
  template <class T>
  T Run(async::asio::awaitable<T> work) {
    auto result = Start(std::move(work));
    Finish();
    return result.get();
  }

  // Runs it as far as it gets without waiting.
  template <class T>
  std::future<T> Start(async::asio::awaitable<T> work) {
    auto result = async::asio::co_spawn(context_, std::move(work), async::asio::use_future);
    context_.restart();
    context_.poll();
    return result;
  }

  void Finish() {
    context_.restart();
    context_.run();
  }

 private:
  async::asio::io_context context_;
};

// A disk with a store on it. What was there before is `image`.
class StoredDisk {
 public:
  explicit StoredDisk(DiskImage image) : disk_(std::move(image)), files_(disk_), vfs_(disk_) {}

  SimulatedDisk& disk() { return disk_; }

  store::SqliteStore& store() { return *store_; }

  Status Open();

  void Close() { store_.reset(); }

  // Whether SQLite finds the database sound and nothing was parked, and how many changes of
  // resources are on record.
  std::string Audit();

 private:
  SimulatedDisk disk_;
  SimulatedFiles files_;
  SimulatedVfs vfs_;
  std::unique_ptr<store::SqliteStore> store_;
};

// An empty disk.
DiskImage NewDisk();

// What may be found after a cut, from an operation of the disk on.
struct Promise {
  std::size_t operation = 0;
  std::size_t picture = 0;  // index; this one or a later one
};

// A step that was refused: until the next commit that works, a crash or a start may still bring it
// back, whole. See engine/store/FORMAT.md.
struct Refusal {
  static constexpr std::size_t kOpen = ~std::size_t{0};

  std::size_t first_operation = 0;    // it may be found from here on,
  std::size_t end_operation = kOpen;  // to here,
  std::string picture;                // as this
  Step step;
  DeadLetters dead;  // of the real store, if it comes back
};

// Which calls of the disk fail.
struct CallFaults {
  std::uint64_t first_call = 0;
  std::uint64_t calls = 0;  // 0: none
  SimulatedDisk::Fault fault = SimulatedDisk::Fault::kNone;
};

class StoreLife {
 public:
  // Lives the script. What goes wrong is in error().
  explicit StoreLife(std::vector<Step> script, CallFaults faults = {});

  [[nodiscard]] const std::string& error() const { return error_; }

  SimulatedDisk& disk() { return real_.disk(); }

  // Compares what a store shows after a cut at `operation` with what was promised; returns what is
  // wrong, or nothing.
  [[nodiscard]] std::string Judge(std::size_t operation, const std::string& picture) const;
  // What Audit says at the end of a life in which nothing went wrong.
  [[nodiscard]] std::string last_audit() const;
  [[nodiscard]] std::string JudgeEnd(const std::string& picture) const;

  [[nodiscard]] const std::vector<Refusal>& refusals() const { return refusals_; }

  // Whether it is the picture of a refused step that a cut at `operation` may bring back.
  [[nodiscard]] bool IsOfRefused(std::size_t operation, const std::string& picture) const;

  // The operations of the disk before the last step was said to be done.
  [[nodiscard]] std::size_t last_told() const { return promises_.back().operation; }

  [[nodiscard]] std::size_t commits() const { return pictures_.size() - 1; }

 private:
  void Live();
  void LiveReopen();
  void FollowStart();
  void LiveAlone(const Step& step);
  void LiveTogether(std::span<const Step> steps);
  Status Do(ports::Store& store, const Step& step, DeadLetters& dead);
  void Note(const Step& step, const Status& status);
  void Follow(const Step& step, std::size_t told);
  void EndRefusals(std::size_t told);
  void TakePicture();
  std::string PictureWith(const Step& step);
  void Settle();
  std::string LivePicture();
  void CompareLive();
  void Fail(std::string what);

  Coroutines coroutines_;
  const std::vector<Step> script_;
  StoredDisk real_;
  DeadLetters real_dead_;
  store::MemoryStore memory_;
  DeadLetters memory_dead_;
  std::vector<Step> effective_;
  std::size_t changes_ = 0;
  std::vector<std::string> pictures_;  // after so many commits; the first is of the empty store
  std::vector<Promise> promises_;
  std::vector<Refusal> refusals_;
  std::string error_;
};

// Opens what a cut has left, and returns its picture; of a store that does not open, why.
std::string PictureOf(StoredDisk& disk, Coroutines& coroutines);

}  // namespace penstock::tests
