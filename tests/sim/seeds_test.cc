// SPDX-License-Identifier: Apache-2.0
#include <fstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/sim/simulation.h"

namespace penstock::sim {
namespace {

constexpr std::uint64_t kSeeds = 1000;

// What a thousand seeds must have met, or the simulator no longer tests it.
std::vector<std::string> MustHappen() {
  std::ifstream file(SIM_MUST_HAPPEN);
  std::vector<std::string> names;
  for (std::string name; std::getline(file, name);)
    names.push_back(name);
  REQUIRE(names.size() > 30);
  return names;
}

std::string Told(std::uint64_t seed, const Violation& violation) {
  return Cat("seed ", seed, " breaks ", violation.clause, ": ", violation.text,
             "; its trace: tools/check sim --seed ", seed);
}

TEST_CASE("Sim: a thousand seeds break no invariant and meet every fault", "[sim]") {
  std::map<std::string, std::uint64_t, std::less<>> counts;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    Simulation simulation(seed, false);
    simulation.Run();
    const auto& violation = simulation.trace().violation();
    INFO((violation ? Told(seed, *violation) : std::string()));
    REQUIRE(!violation);
    for (const auto& [what, times] : simulation.trace().counts())
      counts[what] += times;
  }
  for (const std::string& what : MustHappen()) {
    INFO(what);
    CHECK(counts[what] > 0);
  }
}

struct Outcome {
  std::vector<std::string> lines;
  std::uint64_t steps = 0;
};

// One at a time: a simulation has the process's timers to itself.
Outcome RunWritten(std::uint64_t seed) {
  Simulation simulation(seed, true);
  simulation.Run();
  return {simulation.trace().lines(), simulation.steps()};
}

TEST_CASE("Sim: the same seed leaves the same trace, another leaves another", "[sim]") {
  Outcome before;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    INFO("seed " << seed);
    const Outcome once = RunWritten(seed);
    const Outcome again = RunWritten(seed);
    CHECK(once.lines == again.lines);
    CHECK(once.steps == again.steps);
    CHECK(once.lines != before.lines);
    before = once;
  }
}

}  // namespace
}  // namespace penstock::sim
