// SPDX-License-Identifier: Apache-2.0
// The one door to files for everything of the store but SQLite, which has a door of its own (its
// VFS). A test that cuts the power, or fills the disk, stands behind these two doors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"

namespace penstock::store {

// An open file. Threads: safe from any.
// Errors of all: kUnavailable, naming the file and what the system said.
class File {
 public:
  virtual ~File() = default;
  // Writes all of `octets`. Durable after Sync.
  virtual Status Write(std::uint64_t offset, std::string_view octets) = 0;
  // Returns how many octets it read, fewer than asked for only at the end of the file.
  virtual StatusOr<std::size_t> Read(std::uint64_t offset, std::span<char> buffer) const = 0;
  // What has been written before, its length included, survives a power cut. After an error nothing
  // is known of what was written since the last Sync: trying again proves nothing.
  virtual Status Sync() = 0;
  // Gives the space of a range back, which reads as zeros from then on. Some file systems cannot:
  // kUnimplemented.
  virtual Status Discard(std::uint64_t offset, std::uint64_t octets) = 0;
};

// Held until destroyed, or until the process ends, however it does.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

// Of the file system that a folder is on, in octets.
struct Space {
  std::uint64_t available = 0;  // to us
  std::uint64_t total = 0;
};

// Threads: safe from any. Files are for their owner only (0600), folders too (0700).
// Errors of all: kNotFound, kAlreadyExists, else kUnavailable.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Status CreateFolder(const std::string& path) = 0;  // one that is there is fine
  // What has been created in and removed from the folder survives a power cut.
  virtual Status SyncFolder(const std::string& path) = 0;
  virtual StatusOr<Space> SpaceAt(const std::string& folder) = 0;
  virtual StatusOr<std::vector<std::string>> List(const std::string& folder) = 0;  // names, sorted
  virtual StatusOr<std::unique_ptr<File>> Create(const std::string& path) = 0;
  virtual StatusOr<std::unique_ptr<File>> Open(const std::string& path) = 0;
  virtual Status Remove(const std::string& path) = 0;
  // kFailedPrecondition if another process, or another part of this one, holds it.
  virtual StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) = 0;
};

// The operating system's. Never destroyed.
FileSystem& RealFileSystem();

}  // namespace penstock::store
