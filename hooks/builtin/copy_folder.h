// SPDX-License-Identifier: Apache-2.0
// A folder of files that are there whole and on disk, or not at all; each is written once.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
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
  StatusOr<bool> Has(std::string_view stem, std::string_view suffix);

  // Takes pieces of one file.
  using Sink = std::function<Status(std::string_view octets)>;
  // Tells how many octets come, at most, before the first piece.
  using Announce = std::function<Status(std::uint64_t octets)>;
  using Fill = std::function<Status(const Announce&, const Sink&)>;

  // Writes a file, mode 0600, of what `fill` gives its sink; one that is there already stays as it
  // is. It is on disk when this returns. `stem`: letters, digits and "-", 2 at least.
  //   Errors: kInvalidArgument for another stem, those of `fill`, kUnavailable if the disk does not
  //   take it, kResourceExhausted if the folder would hold more than it may.
  Status Write(std::string_view stem, std::string_view suffix, const Fill& fill);

  // What keeps the folder from taking files, as of the last time that it was asked to. A `fill`
  // that fails by itself says nothing of the folder.
  [[nodiscard]] Status Health() const;

  // Removes files that were written longer ago than `keep` (0: none), and what a crash left behind;
  // ends early if `stop` says so.
  void Sweep(std::chrono::seconds keep, const std::stop_token& stop = {});

 private:
  // Write, of a stem that is one. `by_fill` is set where it was `fill` that failed, by itself.
  Status Place(std::string_view stem, std::string_view suffix, const Fill& fill, bool& by_fill);
  void SetHealth(Status health);
  [[nodiscard]] std::string FolderOf(std::string_view stem) const;
  Status Reserve(std::uint64_t octets);
  void Release(std::uint64_t octets);

  const std::string path_;
  const std::uint64_t octets_max_;
  mutable Mutex mutex_;
  Status health_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t octets_ ABSL_GUARDED_BY(mutex_) = 0;  // of all files, those being written included
};

}  // namespace penstock::builtin
