// SPDX-License-Identifier: Apache-2.0
// What the engine adds to a hook call: synchronous decisions beside the same gRPC calls made bare,
// with 1, 16 and 256 in flight (H1, H2). The hook is a process of its own, as hooks are; the store
// is in memory.
//
//   decisions/N   RunMessage from a plan to its recorded outcome: permission, limits, the call over
//                 the Asio bridge, validation, resolution, commit; every recipient is dropped, so
//                 that nothing is delivered
//   stream/N      the same, of a hook that is called on a stream; beside the same bare calls
//
// tests/bench/decision_house.h says what is counted.
#include <string>

#include <benchmark/benchmark.h>

#include "tests/bench/decision_house.h"
#include "tests/bench/hook_process.h"

namespace penstock {
namespace {

void Register(const std::string& target) {
  for (const bool stream : {false, true}) {
    const auto compare = [target, stream](benchmark::State& state) {
      bench::House house(target, stream);
      bench::Compare(state, house);
    };
    benchmark::RegisterBenchmark(stream ? "Ours/stream" : "Ours/decisions", compare)
        ->Arg(1)
        ->Arg(16)
        ->Arg(256)
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  }
}

}  // namespace
}  // namespace penstock

int main(int argc, char** argv) {
  penstock::bench::MaybeServeAsHook(argc, argv);
  const penstock::bench::HookProcess hook;
  benchmark::Initialize(&argc, argv);
  penstock::Register(hook.target());
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
