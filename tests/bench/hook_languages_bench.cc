// SPDX-License-Identifier: Apache-2.0
// Decisions a second with the same hook in each language, with 16 in flight: hooks in processes of
// their own that do nothing (tests/bench/noop_hooks). tests/bench/decision_house.h says what is
// counted; `share` is what is left of the calls that the same hook answers bare.
//
//   LANGUAGE/16   the hook that PENSTOCK_HOOK_TARGETS names so: "python=127.0.0.1:4711 go=…";
//   tools/bench
//                 builds and starts them
//   bare/16       a server of gRPC's C++ callback API, without an SDK: the most that a hook can be
#include <cstdlib>
#include <sstream>
#include <string>

#include <benchmark/benchmark.h>

#include "engine/base/check.h"
#include "engine/base/strings.h"
#include "tests/bench/decision_house.h"
#include "tests/bench/hook_process.h"

namespace penstock {
namespace {

void Register(const std::string& language, const std::string& target) {
  const auto compare = [target](benchmark::State& state) {
    bench::House house(target, /*stream=*/false);
    // Not counted: connections are made, and a compiler at run time learns.
    house.Bare(state.range(0));
    house.Ours(state.range(0));
    bench::Compare(state, house);
  };
  benchmark::RegisterBenchmark(Cat("Ours/", language).c_str(), compare)
      ->Arg(16)
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}

void RegisterAll(const std::string& bare_target) {
  Register("bare", bare_target);
  const char* const targets = std::getenv("PENSTOCK_HOOK_TARGETS");
  std::istringstream words(targets != nullptr ? targets : "");
  for (std::string word; words >> word;) {
    const std::size_t sign = word.find('=');
    PENSTOCK_CHECK(sign != std::string::npos);
    Register(word.substr(0, sign), word.substr(sign + 1));
  }
}

}  // namespace
}  // namespace penstock

int main(int argc, char** argv) {
  penstock::bench::MaybeServeAsHook(argc, argv);
  const penstock::bench::HookProcess hook;
  benchmark::Initialize(&argc, argv);
  penstock::RegisterAll(hook.target());
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
