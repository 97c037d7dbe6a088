// SPDX-License-Identifier: Apache-2.0
// The store's own door to a simulated disk.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/strings.h"
#include "engine/store/file_system.h"
#include "tests/crash/simulated_disk.h"

namespace penstock::tests {

class SimulatedFiles final : public store::FileSystem {
 public:
  // `disk` outlives it and every file of it.
  explicit SimulatedFiles(SimulatedDisk& disk) : disk_(disk) {}

  Status CreateFolder(const std::string& path) override {
    const SimulatedDisk::Fault fault = disk_.CreateFolder(path);
    return fault == SimulatedDisk::Fault::kThereAlready ? OkStatus() : ToStatus(fault, path);
  }

  Status SyncFolder(const std::string& path) override {
    return ToStatus(disk_.SyncFolder(path), path);
  }

  StatusOr<store::Space> SpaceAt(const std::string&) override {
    return store::Space{1ULL << 40U, 1ULL << 40U};
  }

  StatusOr<std::vector<std::string>> List(const std::string& folder) override {
    std::vector<std::string> names;
    const Status status = ToStatus(disk_.List(folder, names), folder);
    if (!status.ok()) return status;
    return names;
  }

  StatusOr<std::unique_ptr<store::File>> Create(const std::string& path) override {
    std::uint32_t file = 0;
    const Status status = ToStatus(disk_.Create(path, file), path);
    if (!status.ok()) return status;
    return std::make_unique<OpenFile>(disk_, path, file);
  }

  StatusOr<std::unique_ptr<store::File>> Open(const std::string& path) override {
    std::uint32_t file = 0;
    const Status status = ToStatus(disk_.Open(path, file), path);
    if (!status.ok()) return status;
    return std::make_unique<OpenFile>(disk_, path, file);
  }

  Status Remove(const std::string& path) override { return ToStatus(disk_.Remove(path), path); }

  StatusOr<std::unique_ptr<store::FileLock>> Lock(const std::string& path) override {
    if (!disk_.Lock(path)) return FailedPrecondition(Cat(path, " is held"));
    return std::make_unique<Held>(disk_, path);
  }

 private:
  static Status ToStatus(SimulatedDisk::Fault fault, const std::string& path) {
    switch (fault) {
      case SimulatedDisk::Fault::kNone:
        return OkStatus();
      case SimulatedDisk::Fault::kInputOutput:
        return Unavailable(Cat(path, ": EIO"));
      case SimulatedDisk::Fault::kNoSpace:
        return Unavailable(Cat(path, ": ENOSPC"));
      case SimulatedDisk::Fault::kNotThere:
        return NotFound(path);
      case SimulatedDisk::Fault::kThereAlready:
        break;
    }
    return AlreadyExists(path);
  }

  class Held final : public store::FileLock {
   public:
    Held(SimulatedDisk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}

    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

    ~Held() override { disk_.Unlock(path_); }

   private:
    SimulatedDisk& disk_;
    const std::string path_;
  };

  class OpenFile final : public store::File {
   public:
    OpenFile(SimulatedDisk& disk, std::string path, std::uint32_t file)
        : disk_(disk), path_(std::move(path)), file_(file) {}

    Status Write(std::uint64_t offset, std::string_view octets) override {
      return ToStatus(disk_.Write(file_, offset, octets), path_);
    }

    StatusOr<std::size_t> Read(std::uint64_t offset, std::span<char> buffer) const override {
      std::size_t octets = 0;
      const Status status = ToStatus(disk_.Read(file_, offset, buffer, octets), path_);
      if (!status.ok()) return status;
      return octets;
    }

    Status Sync() override { return ToStatus(disk_.Sync(file_), path_); }

    Status Discard(std::uint64_t offset, std::uint64_t octets) override {
      return ToStatus(disk_.Discard(file_, offset, octets), path_);
    }

   private:
    SimulatedDisk& disk_;
    const std::string path_;
    const std::uint32_t file_;
  };

  SimulatedDisk& disk_;
};

}  // namespace penstock::tests
