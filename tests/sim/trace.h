// SPDX-License-Identifier: Apache-2.0
// What happened in a simulation: counted always, written down only when someone will read it. A
// seed that failed is run again with its trace on and fails in the same way.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/strings.h"
#include "engine/base/time.h"
#include "tests/sim/scheduler.h"

namespace penstock::sim {

struct Violation {
  std::string clause;  // "A5"
  std::string text;
};

class Trace {
 public:
  // `scheduler` outlives it.
  Trace(const Scheduler& scheduler, bool written) : scheduler_(scheduler), written_(written) {}

  template <class... Words>
  void Line(const Words&... words) {
    if (!written_) return;
    lines_.push_back(Cat(FormatDuration(scheduler_.Elapsed()), ": ", words...));
  }

  void Count(std::string_view what, std::uint64_t by = 1) {
    const auto counted = counts_.find(what);
    if (counted != counts_.end()) {
      counted->second += by;
    } else {
      counts_.emplace(what, by);
    }
  }

  // The first one counts; the simulation ends with it.
  void Violate(std::string clause, std::string text) {
    Line("VIOLATION ", clause, ": ", text);
    if (!violation_) violation_ = Violation{std::move(clause), std::move(text)};
  }

  [[nodiscard]] const std::optional<Violation>& violation() const { return violation_; }

  [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }

  [[nodiscard]] const std::map<std::string, std::uint64_t, std::less<>>& counts() const {
    return counts_;
  }

 private:
  const Scheduler& scheduler_;
  const bool written_;
  std::vector<std::string> lines_;
  std::map<std::string, std::uint64_t, std::less<>> counts_;
  std::optional<Violation> violation_;
};

}  // namespace penstock::sim
