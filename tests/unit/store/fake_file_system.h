// SPDX-License-Identifier: Apache-2.0
// Files in memory, with a log of what is done to them and with faults on demand.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/mutex.h"
#include "engine/base/strings.h"
#include "engine/store/file_system.h"

namespace penstock::tests {

class FakeFileSystem final : public store::FileSystem {
 public:
  // Asked before each operation: "write", "sync", "discard", "create", "open", "remove" … and the
  // path; what it returns other than OK is what the operation returns.
  using Fault = std::function<Status(std::string_view operation, const std::string& path)>;

  void SetFault(Fault fault) {
    const MutexLock lock(mutex_);
    fault_ = std::move(fault);
  }

  // "operation path", in order; emptied by the call.
  std::vector<std::string> TakeLog() {
    const MutexLock lock(mutex_);
    return std::exchange(log_, {});
  }

  // Names of files, those that are only held open left out.
  std::vector<std::string> Files() {
    const MutexLock lock(mutex_);
    std::vector<std::string> names;
    for (const auto& [path, octets] : files_)
      names.push_back(path);
    return names;
  }

  // The octets themselves, to be damaged.
  std::string& Octets(const std::string& path) { return *files_.at(path); }

  void Plant(const std::string& path, std::string octets) {
    files_[path] = std::make_shared<std::string>(std::move(octets));
  }

  Status CreateFolder(const std::string& path) override { return Note("create_folder", path); }

  Status SyncFolder(const std::string& path) override { return Note("sync_folder", path); }

  void SetSpace(store::Space space) {
    const MutexLock lock(mutex_);
    space_ = space;
  }

  StatusOr<store::Space> SpaceAt(const std::string& folder) override {
    const Status status = Note("space", folder);
    if (!status.ok()) return status;
    const MutexLock lock(mutex_);
    return space_;
  }

  StatusOr<std::vector<std::string>> List(const std::string& folder) override {
    const Status status = Note("list", folder);
    if (!status.ok()) return status;
    std::vector<std::string> names;
    for (const std::string& path : Files()) {
      if (path.starts_with(folder + "/")) names.push_back(path.substr(folder.size() + 1));
    }
    return names;
  }

  StatusOr<std::unique_ptr<store::File>> Create(const std::string& path) override {
    const Status status = Note("create", path);
    if (!status.ok()) return status;
    const MutexLock lock(mutex_);
    const auto [file, added] = files_.try_emplace(path, std::make_shared<std::string>());
    if (!added) return AlreadyExists(path);
    return std::make_unique<OpenFile>(*this, path, file->second);
  }

  StatusOr<std::unique_ptr<store::File>> Open(const std::string& path) override {
    const Status status = Note("open", path);
    if (!status.ok()) return status;
    const MutexLock lock(mutex_);
    const auto file = files_.find(path);
    if (file == files_.end()) return NotFound(path);
    return std::make_unique<OpenFile>(*this, path, file->second);
  }

  Status Remove(const std::string& path) override {
    const Status status = Note("remove", path);
    if (!status.ok()) return status;
    const MutexLock lock(mutex_);
    return files_.erase(path) == 1 ? OkStatus() : NotFound(path);
  }

  StatusOr<std::unique_ptr<store::FileLock>> Lock(const std::string& path) override {
    const Status status = Note("lock", path);
    if (!status.ok()) return status;
    return std::make_unique<Held>();
  }

 private:
  class Held final : public store::FileLock {};

  class OpenFile final : public store::File {
   public:
    OpenFile(FakeFileSystem& files, std::string path, std::shared_ptr<std::string> octets)
        : files_(files), path_(std::move(path)), octets_(std::move(octets)) {}

    Status Write(std::uint64_t offset, std::string_view octets) override {
      const Status status = files_.Note("write", path_);
      if (!status.ok()) return status;
      const MutexLock lock(files_.mutex_);
      const std::size_t end = static_cast<std::size_t>(offset) + octets.size();
      if (octets_->size() < end) octets_->resize(end);
      octets.copy(octets_->data() + offset, octets.size());
      return OkStatus();
    }

    StatusOr<std::size_t> Read(std::uint64_t offset, std::span<char> buffer) const override {
      const Status status = files_.Note("read", path_);
      if (!status.ok()) return status;
      const MutexLock lock(files_.mutex_);
      if (offset >= octets_->size()) return std::size_t{0};
      return octets_->copy(buffer.data(), buffer.size(), static_cast<std::size_t>(offset));
    }

    Status Sync() override { return files_.Note("sync", path_); }

    Status Discard(std::uint64_t offset, std::uint64_t octets) override {
      const Status status = files_.Note("discard", path_);
      if (!status.ok()) return status;
      const MutexLock lock(files_.mutex_);
      const std::size_t begin = std::min(static_cast<std::size_t>(offset), octets_->size());
      const std::size_t end = std::min(begin + static_cast<std::size_t>(octets), octets_->size());
      std::fill(octets_->begin() + static_cast<std::ptrdiff_t>(begin),
                octets_->begin() + static_cast<std::ptrdiff_t>(end), '\0');
      return OkStatus();
    }

   private:
    FakeFileSystem& files_;
    const std::string path_;
    const std::shared_ptr<std::string> octets_;
  };

  Status Note(std::string_view operation, const std::string& path) {
    Fault fault;
    {
      const MutexLock lock(mutex_);
      log_.push_back(Cat(operation, " ", path));
      fault = fault_;
    }
    return fault ? fault(operation, path) : OkStatus();
  }

  Mutex mutex_;
  store::Space space_ ABSL_GUARDED_BY(mutex_){1ULL << 40U, 1ULL << 40U};
  Fault fault_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> log_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<std::string>> files_;
};

}  // namespace penstock::tests
