// SPDX-License-Identifier: Apache-2.0
// SQLite's door to a simulated disk: a VFS that does what SQLite's own for Unix does, where it
// matters to a disk (a new journal's folder is synced with the journal's first sync; a sector is
// 4 KiB; a write spoils nothing beside it), with locks and shared memory for the connections of
// this process. SQLite's random numbers come out the same each time.
#pragma once

#include <memory>
#include <string>

#include "tests/crash/simulated_disk.h"

namespace penstock::tests {

// The default VFS of the process while it lives.
class SimulatedVfs {
 public:
  // `disk` outlives it.
  explicit SimulatedVfs(SimulatedDisk& disk);
  // No connection is open any more.
  ~SimulatedVfs();

  SimulatedVfs(const SimulatedVfs&) = delete;
  SimulatedVfs& operator=(const SimulatedVfs&) = delete;

  [[nodiscard]] const std::string& name() const;

  class Impl;

 private:
  const std::unique_ptr<Impl> impl_;
};

}  // namespace penstock::tests
