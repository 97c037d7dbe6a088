// SPDX-License-Identifier: Apache-2.0
// What a power cut leaves of a simulated disk. Durable is what a sync that worked has covered:
// octets by the sync of their file, names by the sync of their folder. Of the rest a cut keeps
//
//   kKilled     everything: the process died, the machine went on (kill -9)
//   kDropped    nothing
//   kTorn       everything but the end of what was written last
//   kReordered  any part: each change or none of it, each 512 octets of a write or the zeros of a
//               file that grew
//
// What a failed sync should have covered is as uncertain afterwards as before, and no later sync
// makes it certain: the system has forgotten that it was to be written.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/crash/simulated_disk.h"

namespace penstock::tests {

enum class CutKind { kKilled, kDropped, kTorn, kReordered };

inline constexpr std::array kCutKinds = {CutKind::kKilled, CutKind::kDropped, CutKind::kTorn,
                                         CutKind::kReordered};

std::string_view Name(CutKind kind);

class PowerCut {
 public:
  using Random = std::mt19937_64;

  // Nothing of `log` has happened. It outlives this and does not move.
  PowerCut(DiskImage image, const std::vector<DiskOperation>& log);

  // Lets the next operation happen.
  void Advance();

  [[nodiscard]] std::size_t position() const { return position_; }

  // What is left if the power goes now.
  [[nodiscard]] DiskImage Cut(CutKind kind, Random& random) const;

 private:
  struct Change {
    const DiskOperation* operation;
    bool settled = false;    // a sync has covered it
    bool forgotten = false;  // a sync that failed should have
  };

  struct File {
    std::string durable;
    std::vector<Change> changes;  // since then
  };

  void SettleFile(File& file, bool failed);
  void ApplyName(const DiskOperation& operation, std::map<std::string, std::uint32_t>& names,
                 std::set<std::string>& folders) const;

  const std::vector<DiskOperation>& log_;
  std::size_t position_ = 0;
  std::map<std::uint32_t, File> files_;
  std::map<std::string, std::uint32_t> names_;  // durable
  std::set<std::string> folders_;               // durable
  std::vector<const DiskOperation*> changed_names_;
};

}  // namespace penstock::tests
