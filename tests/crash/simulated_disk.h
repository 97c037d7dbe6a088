// SPDX-License-Identifier: Apache-2.0
// A disk in memory that remembers all that was done to it, in order, so that the power can be cut
// after any of it (power_cut.h), and that fails on demand. Everything of a store goes to one such
// disk, through two doors: its own files through simulated_files.h, SQLite's through
// simulated_vfs.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "engine/base/mutex.h"

namespace penstock::tests {

// What lies on a disk: files by path, and folders.
struct DiskImage {
  std::map<std::string, std::string> files;
  std::set<std::string> folders;
};

// One thing that was done.
struct DiskOperation {
  enum class Kind {
    kWrite,
    kTruncate,
    kDiscard,
    kSync,
    kCreate,
    kRemove,
    kCreateFolder,
    kSyncFolder
  };

  Kind kind = Kind::kWrite;
  std::string path;        // when it was done
  std::uint32_t file = 0;  // a path may be given to another file later
  std::uint64_t offset = 0;
  std::uint64_t octets = 0;  // of kDiscard; the new length of kTruncate
  std::string data;          // of kWrite
  bool failed = false;       // of kSync, kSyncFolder: it said that it did not work
};

std::string_view Name(DiskOperation::Kind kind);
// The folder that a path stands in.
std::string FolderOf(std::string_view path);

// Threads: safe from any.
class SimulatedDisk {
 public:
  enum class Fault { kNone, kInputOutput, kNoSpace, kNotThere, kThereAlready };

  explicit SimulatedDisk(DiskImage image = {});

  // Calls from number `first` on (from 0, reads count as well), `count` of them, fail as `fault`. A
  // write that fails has written its first half.
  void FailCalls(std::uint64_t first, std::uint64_t count, Fault fault);
  [[nodiscard]] std::uint64_t calls() const;
  // "write state.db-wal" or the like: what call number `first` of FailCalls was; empty if it did
  // not come.
  [[nodiscard]] std::string failed_call() const;
  // Whether the calls of FailCalls are over.
  [[nodiscard]] bool faults_are_over() const;

  // Each change of the disk takes this long, so that whoever is told too early that it is done is
  // seen to act on it before it is.
  void SetPause(std::uint32_t microseconds);

  // The next change by another thread waits until Release; WaitUntilHeld waits for it.
  void Hold();
  void WaitUntilHeld();
  void Release();

  // How much has been done so far.
  [[nodiscard]] std::size_t operations() const;

  // Only when nobody uses the disk.
  [[nodiscard]] const std::vector<DiskOperation>& log() const { return log_; }

  // Files are known by number while they are open, whatever becomes of their names.
  Fault Create(const std::string& path, std::uint32_t& file);
  Fault Open(const std::string& path, std::uint32_t& file);
  Fault Remove(const std::string& path);
  Fault Write(std::uint32_t file, std::uint64_t offset, std::string_view octets);
  Fault Read(std::uint32_t file, std::uint64_t offset, std::span<char> buffer, std::size_t& octets);
  Fault Truncate(std::uint32_t file, std::uint64_t octets);
  Fault Discard(std::uint32_t file, std::uint64_t offset, std::uint64_t octets);
  Fault Sync(std::uint32_t file);
  Fault Length(std::uint32_t file, std::uint64_t& octets);
  Fault Find(const std::string& path, std::uint64_t& octets);
  Fault CreateFolder(const std::string& path);
  Fault SyncFolder(const std::string& path);
  Fault List(const std::string& folder, std::vector<std::string>& names);
  bool Lock(const std::string& path);
  void Unlock(const std::string& path);

 private:
  struct File {
    std::string path;  // when it was opened last
    std::string octets;
  };

  Fault Ask(std::string_view call, const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Record(DiskOperation operation) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Before a change: the pause, and Hold.
  void AwaitTurn();

  mutable Mutex mutex_;
  ConditionVariable turn_;
  std::thread::id holder_ ABSL_GUARDED_BY(mutex_);  // none: nothing is held
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
  std::uint32_t pause_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t calls_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t first_fault_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t end_of_faults_ ABSL_GUARDED_BY(mutex_) = 0;
  Fault fault_ ABSL_GUARDED_BY(mutex_) = Fault::kNone;
  std::string failed_call_ ABSL_GUARDED_BY(mutex_);
  std::vector<DiskOperation> log_;  // written under mutex_
  std::map<std::uint32_t, File> files_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::uint32_t> names_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> folders_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> locks_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace penstock::tests
