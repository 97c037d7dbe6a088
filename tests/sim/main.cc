// SPDX-License-Identifier: Apache-2.0
// The simulator as a program: tools/check sim runs it.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "tests/sim/simulation.h"

namespace penstock::sim {
namespace {

struct Options {
  std::uint64_t first = 1;
  std::uint64_t seeds = 1000;
  bool replay = false;  // writes the trace of `first` down
};

std::optional<Options> Parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    char* end = nullptr;
    const std::uint64_t number = std::strtoull(argv[i + 1], &end, 10);
    if (*end != '\0' || *argv[i + 1] == '\0') return std::nullopt;
    if (std::strcmp(argv[i], "--seeds") == 0) {
      options.seeds = number;
    } else if (std::strcmp(argv[i], "--first") == 0) {
      options.first = number;
    } else if (std::strcmp(argv[i], "--seed") == 0) {
      options = {number, 1, true};
    } else {
      return std::nullopt;
    }
  }
  if (argc % 2 == 0) return std::nullopt;
  return options;
}

// Runs one seed again with its trace; returns whether it broke an invariant.
bool Replay(std::uint64_t seed) {
  Simulation simulation(seed, true);
  simulation.Run();
  for (const std::string& line : simulation.trace().lines())
    std::printf("%s\n", line.c_str());
  const auto& violation = simulation.trace().violation();
  if (violation) {
    std::printf("seed %llu breaks %s: %s\n", static_cast<unsigned long long>(seed),
                violation->clause.c_str(), violation->text.c_str());
  }
  return violation.has_value();
}

int Main(int argc, char** argv) {
  const std::optional<Options> options = Parse(argc, argv);
  if (!options) {
    std::fprintf(stderr, "usage: %s [--seeds N] [--first SEED] | --seed SEED\n", argv[0]);
    return 2;
  }
  if (options->replay) return Replay(options->first) ? 1 : 0;
  std::map<std::string, std::uint64_t, std::less<>> counts;
  for (std::uint64_t seed = options->first; seed < options->first + options->seeds; ++seed) {
    Simulation simulation(seed, false);
    simulation.Run();
    if (simulation.trace().violation()) {
      if (!Replay(seed))
        std::printf("seed %llu fails without its trace only\n",
                    static_cast<unsigned long long>(seed));
      return 1;
    }
    for (const auto& [what, times] : simulation.trace().counts())
      counts[what] += times;
    counts["step"] += simulation.steps();
    ++counts["seed"];
    if (counts["seed"] % 100 == 0) {
      std::printf("seeds %llu\n", static_cast<unsigned long long>(counts["seed"]));
      std::fflush(stdout);
    }
  }
  for (const auto& [what, times] : counts)
    std::printf("count %llu %s\n", static_cast<unsigned long long>(times), what.c_str());
  return 0;
}

}  // namespace
}  // namespace penstock::sim

int main(int argc, char** argv) {
  return penstock::sim::Main(argc, argv);
}
