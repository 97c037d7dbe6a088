// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/simulated_disk.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "engine/base/strings.h"

namespace penstock::tests {

using Fault = SimulatedDisk::Fault;
using Kind = DiskOperation::Kind;

std::string_view Name(Kind kind) {
  switch (kind) {
    case Kind::kWrite:
      return "write";
    case Kind::kTruncate:
      return "truncate";
    case Kind::kDiscard:
      return "discard";
    case Kind::kSync:
      return "sync";
    case Kind::kCreate:
      return "create";
    case Kind::kRemove:
      return "remove";
    case Kind::kCreateFolder:
      return "create-folder";
    case Kind::kSyncFolder:
      break;
  }
  return "sync-folder";
}

std::string FolderOf(std::string_view path) {
  return std::string(path.substr(0, path.rfind('/')));
}

SimulatedDisk::SimulatedDisk(DiskImage image) : folders_(std::move(image.folders)) {
  std::uint32_t number = 0;
  for (auto& [path, octets] : image.files) {
    names_[path] = ++number;
    files_[number] = {path, std::move(octets)};
  }
}

void SimulatedDisk::FailCalls(std::uint64_t first, std::uint64_t count, Fault fault) {
  const MutexLock lock(mutex_);
  first_fault_ = first;
  end_of_faults_ = first + count;
  fault_ = fault;
}

std::uint64_t SimulatedDisk::calls() const {
  const MutexLock lock(mutex_);
  return calls_;
}

std::string SimulatedDisk::failed_call() const {
  const MutexLock lock(mutex_);
  return failed_call_;
}

bool SimulatedDisk::faults_are_over() const {
  const MutexLock lock(mutex_);
  return calls_ >= end_of_faults_;
}

void SimulatedDisk::SetPause(std::uint32_t microseconds) {
  const MutexLock lock(mutex_);
  pause_ = microseconds;
}

void SimulatedDisk::Hold() {
  const MutexLock lock(mutex_);
  holder_ = std::this_thread::get_id();
}

void SimulatedDisk::WaitUntilHeld() {
  const MutexLock lock(mutex_);
  while (!held_)
    turn_.wait(mutex_);
}

void SimulatedDisk::Release() {
  {
    const MutexLock lock(mutex_);
    holder_ = {};
  }
  turn_.notify_all();
}

std::size_t SimulatedDisk::operations() const {
  const MutexLock lock(mutex_);
  return log_.size();
}

Fault SimulatedDisk::Ask(std::string_view call, const std::string& path) {
  const std::uint64_t number = calls_++;
  if (number < first_fault_ || number >= end_of_faults_) return Fault::kNone;
  if (number == first_fault_) {
    failed_call_ = Cat(call, " ", path.substr(path.rfind('/') + 1));
  }
  return fault_;
}

void SimulatedDisk::Record(DiskOperation operation) {
  log_.push_back(std::move(operation));
}

void SimulatedDisk::AwaitTurn() {
  std::uint32_t pause = 0;
  {
    const MutexLock lock(mutex_);
    const std::thread::id self = std::this_thread::get_id();
    if (holder_ != std::thread::id() && holder_ != self) {
      held_ = true;
      turn_.notify_all();
      while (holder_ != std::thread::id())
        turn_.wait(mutex_);
      held_ = false;
    }
    pause = pause_;
  }
  if (pause > 0) std::this_thread::sleep_for(std::chrono::microseconds(pause));
}

Fault SimulatedDisk::Create(const std::string& path, std::uint32_t& file) {
  AwaitTurn();
  const MutexLock lock(mutex_);
  if (const Fault fault = Ask("create", path); fault != Fault::kNone) return fault;
  if (names_.contains(path)) return Fault::kThereAlready;
  if (!folders_.contains(FolderOf(path))) return Fault::kNotThere;
  file = files_.empty() ? 1 : files_.rbegin()->first + 1;
  files_[file].path = path;
  names_[path] = file;
  Record({Kind::kCreate, path, file, 0, 0, {}});
  return Fault::kNone;
}

Fault SimulatedDisk::Open(const std::string& path, std::uint32_t& file) {
  const MutexLock lock(mutex_);
  if (const Fault fault = Ask("open", path); fault != Fault::kNone) return fault;
  const auto found = names_.find(path);
  if (found == names_.end()) return Fault::kNotThere;
  file = found->second;
  return Fault::kNone;
}

Fault SimulatedDisk::Remove(const std::string& path) {
  AwaitTurn();
  const MutexLock lock(mutex_);
  if (const Fault fault = Ask("remove", path); fault != Fault::kNone) return fault;
  const auto found = names_.find(path);
  if (found == names_.end()) return Fault::kNotThere;
  Record({Kind::kRemove, path, found->second, 0, 0, {}});
  names_.erase(found);
  return Fault::kNone;
}

Fault SimulatedDisk::Write(std::uint32_t file, std::uint64_t offset, std::string_view octets) {
  AwaitTurn();
  const MutexLock lock(mutex_);
  File& found = files_.at(file);
  const Fault fault = Ask("write", found.path);
  if (fault != Fault::kNone) octets = octets.substr(0, octets.size() / 2);
  if (octets.empty()) return fault;
  const std::size_t end = static_cast<std::size_t>(offset) + octets.size();
  if (found.octets.size() < end) found.octets.resize(end);
  octets.copy(found.octets.data() + offset, octets.size());
  Record({Kind::kWrite, found.path, file, offset, octets.size(), std::string(octets)});
  return fault;
}

Fault SimulatedDisk::Read(std::uint32_t file, std::uint64_t offset, std::span<char> buffer,
                          std::size_t& octets) {
  const MutexLock lock(mutex_);
  const File& found = files_.at(file);
  if (const Fault fault = Ask("read", found.path); fault != Fault::kNone) return fault;
  octets = offset >= found.octets.size()
               ? 0
               : found.octets.copy(buffer.data(), buffer.size(), static_cast<std::size_t>(offset));
  return Fault::kNone;
}

Fault SimulatedDisk::Truncate(std::uint32_t file, std::uint64_t octets) {
  AwaitTurn();
  const MutexLock lock(mutex_);
  File& found = files_.at(file);
  if (const Fault fault = Ask("truncate", found.path); fault != Fault::kNone) return fault;
  found.octets.resize(static_cast<std::size_t>(octets));
  Record({Kind::kTruncate, found.path, file, 0, octets, {}});
  return Fault::kNone;
}

Fault SimulatedDisk::Discard(std::uint32_t file, std::uint64_t offset, std::uint64_t octets) {
  AwaitTurn();
  const MutexLock lock(mutex_);
  File& found = files_.at(file);
  if (const Fault fault = Ask("discard", found.path); fault != Fault::kNone) return fault;
  const std::size_t begin = std::min<std::size_t>(offset, found.octets.size());
  const std::size_t end = std::min<std::size_t>(offset + octets, found.octets.size());
  std::fill(found.octets.begin() + static_cast<std::ptrdiff_t>(begin),
            found.octets.begin() + static_cast<std::ptrdiff_t>(end), '\0');
  Record({Kind::kDiscard, found.path, file, offset, octets, {}});
  return Fault::kNone;
}

Fault SimulatedDisk::Sync(std::uint32_t file) {
  AwaitTurn();
  const MutexLock lock(mutex_);
  const std::string& path = files_.at(file).path;
  const Fault fault = Ask("sync", path);
  Record({Kind::kSync, path, file, 0, 0, {}, fault != Fault::kNone});
  return fault;
}

Fault SimulatedDisk::Length(std::uint32_t file, std::uint64_t& octets) {
  const MutexLock lock(mutex_);
  const File& found = files_.at(file);
  if (const Fault fault = Ask("length", found.path); fault != Fault::kNone) return fault;
  octets = found.octets.size();
  return Fault::kNone;
}

Fault SimulatedDisk::Find(const std::string& path, std::uint64_t& octets) {
  const MutexLock lock(mutex_);
  if (const Fault fault = Ask("find", path); fault != Fault::kNone) return fault;
  const auto found = names_.find(path);
  if (found == names_.end()) return Fault::kNotThere;
  octets = files_.at(found->second).octets.size();
  return Fault::kNone;
}

Fault SimulatedDisk::CreateFolder(const std::string& path) {
  AwaitTurn();
  const MutexLock lock(mutex_);
  if (const Fault fault = Ask("create-folder", path); fault != Fault::kNone) return fault;
  if (!folders_.insert(path).second) return Fault::kThereAlready;
  Record({Kind::kCreateFolder, path, 0, 0, 0, {}});
  return Fault::kNone;
}

Fault SimulatedDisk::SyncFolder(const std::string& path) {
  AwaitTurn();
  const MutexLock lock(mutex_);
  const Fault fault = Ask("sync-folder", path);
  Record({Kind::kSyncFolder, path, 0, 0, 0, {}, fault != Fault::kNone});
  return fault;
}

Fault SimulatedDisk::List(const std::string& folder, std::vector<std::string>& names) {
  const MutexLock lock(mutex_);
  if (const Fault fault = Ask("list", folder); fault != Fault::kNone) return fault;
  for (const auto& [path, file] : names_) {
    if (FolderOf(path) == folder) names.push_back(path.substr(folder.size() + 1));
  }
  return Fault::kNone;
}

bool SimulatedDisk::Lock(const std::string& path) {
  const MutexLock lock(mutex_);
  return locks_.insert(path).second;
}

void SimulatedDisk::Unlock(const std::string& path) {
  const MutexLock lock(mutex_);
  locks_.erase(path);
}

}  // namespace penstock::tests
