// SPDX-License-Identifier: Apache-2.0
// A folder of files that are there whole and on disk, or not at all; each is written once.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "engine/base/mutex.h"
#include "engine/base/status.h"

namespace penstock::builtin {

// Threads: safe from any.
class CopyFolder {
 public:
  CopyFolder(std::string path, std::uint64_t octets_max)
      : path_(std::move(path)), octets_max_(octets_max) {}

  // Makes the folder, mode 0700, or counts what it holds.
  //   Errors: kFailedPrecondition if others than its owner may enter it, kUnavailable.
  Status Open();

  // Whether there is a file `stem` + `suffix`, on disk. Errors: kUnavailable if that cannot be
  // said.
  [[nodiscard]] StatusOr<bool> Has(std::string_view stem, std::string_view suffix) const;

  // Takes pieces of one file.
  using Sink = std::function<Status(std::string_view octets)>;
  // Tells how many octets come, at most, before the first piece.
  using Announce = std::function<Status(std::uint64_t octets)>;

  // Writes a file, mode 0600, of what `fill` gives its sink; one that is there already stays as it
  // is. It is on disk when this returns. `stem`: letters, digits and "-", 2 at least.
  //   Errors: kInvalidArgument for another stem, those of `fill`, kUnavailable if the disk does not
  //   take it, kResourceExhausted if the folder would hold more than it may.
  Status Write(std::string_view stem, std::string_view suffix,
               const std::function<Status(const Announce&, const Sink&)>& fill);

  // Removes files that were written longer ago than `keep` (0: none), and what a crash left behind.
  void Sweep(std::chrono::seconds keep);

 private:
  [[nodiscard]] std::string FolderOf(std::string_view stem) const;
  Status Reserve(std::uint64_t octets);
  void Release(std::uint64_t octets);

  const std::string path_;
  const std::uint64_t octets_max_;
  Mutex mutex_;
  std::uint64_t octets_ ABSL_GUARDED_BY(mutex_) = 0;  // of all files, those being written included
};

}  // namespace penstock::builtin
