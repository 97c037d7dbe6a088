// SPDX-License-Identifier: Apache-2.0
// What resolving an answer costs that names each of 1, 50 or 500 recipients, beside what
// nlohmann/json takes to parse the text of it.
//
//   typed/N   the answer is there; rival: parsing its text into a tree
//   json/N    from the text to a verdict for each; limit: parsing the text into a tree
//   all/N     the same, of an answer that names nobody and says allRecipients
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include <nlohmann/json.hpp>

#include "engine/base/check.h"
#include "engine/base/strings.h"
#include "engine/flow/resolve.h"
#include "engine/wire/answer_json.h"

namespace penstock::flow {
namespace {

// A message's recipients, and an answer that gives them three different fates.
struct Scenario {
  std::vector<std::string> recipients;
  Answer answer;
  std::string text;
  ResolveInput input;

  Scenario(std::int64_t count, bool all) {
    answer.actions = {{"BOUNCE", "Not on a Sunday.", {}, true, false},
                      {"DROP", {}, {}, true, false},
                      {"DEFAULT", {}, {}, true, false}};
    if (all) answer.actions = {{"DEFAULT", {}, {}, false, true}};
    for (std::int64_t i = 0; i < count; ++i) {
      recipients.push_back(Cat("first.last", i, "@department", i % 7, ".example.com"));
      if (!all)
        answer.actions[static_cast<std::size_t>(i) % 3].recipients.push_back(recipients.back());
    }
    AppendJson(text, answer);
    input.recipients = recipients;
    input.room = RoomForAdditions(rules::FlowDirection::kInbound, recipients.size());
    PENSTOCK_CHECK(*wire::ParseAnswerJson(text) == answer);
    const auto basis = all ? Basis::kAllRecipients : Basis::kNamed;
    PENSTOCK_CHECK(Resolve(input, answer)->recipients.back().basis == basis);
  }

  Scenario(const Scenario&) = delete;
  Scenario& operator=(const Scenario&) = delete;
};

void Typed(benchmark::State& state, bool all) {
  const Scenario scenario(state.range(0), all);
  for (auto _ : state)
    benchmark::DoNotOptimize(Resolve(scenario.input, scenario.answer));
}

void FromJson(benchmark::State& state, bool all) {
  const Scenario scenario(state.range(0), all);
  for (auto _ : state)
    benchmark::DoNotOptimize(Resolve(scenario.input, *wire::ParseAnswerJson(scenario.text)));
}

void BareParse(benchmark::State& state, bool all) {
  const Scenario scenario(state.range(0), all);
  for (auto _ : state)
    benchmark::DoNotOptimize(nlohmann::json::parse(scenario.text, nullptr, false));
}

BENCHMARK_CAPTURE(Typed, named, false)->Name("Ours/typed")->Arg(1)->Arg(50)->Arg(500);
BENCHMARK_CAPTURE(BareParse, rival, false)->Name("Rival/typed")->Arg(1)->Arg(50)->Arg(500);
BENCHMARK_CAPTURE(FromJson, named, false)->Name("Ours/json")->Arg(1)->Arg(50)->Arg(500);
BENCHMARK_CAPTURE(BareParse, limit, false)->Name("Limit/json")->Arg(1)->Arg(50)->Arg(500);
BENCHMARK_CAPTURE(FromJson, all, true)->Name("Ours/all")->Arg(1)->Arg(50)->Arg(500);
BENCHMARK_CAPTURE(BareParse, all, true)->Name("Limit/all")->Arg(1)->Arg(50)->Arg(500);

}  // namespace
}  // namespace penstock::flow
