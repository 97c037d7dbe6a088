// SPDX-License-Identifier: Apache-2.0
// What the text of an event costs, for 1, 50 and 500 recipients, beside nlohmann/json's.
//
//   text/N    the text of an event that is there; rival: dump() of a tree that is there
//   build/N   event and text from what a message has; rival: tree and dump() of the same
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include <nlohmann/json.hpp>

#include "engine/base/check.h"
#include "engine/base/strings.h"
#include "engine/flow/event.h"

namespace penstock::flow {
namespace {

using Tree = nlohmann::ordered_json;

struct Source {
  MessageSummary summary{"christine.meyer@example.com", "assistant@example.com",
                         "Minutes of Tuesday, with the gr\xc3\xbc\xc3\x9f"
                         "e"};
  std::vector<std::string> recipients;
  MessageId message_id{"6f1d1d0e-5b0c-4f5e-8a70-2f4a7a4e9b11"};
  InvocationId invocation_id{"0123456789abcdef0123456789abcdef"};
};

Source SourceOf(std::int64_t recipients) {
  Source source;
  for (std::int64_t i = 0; i < recipients; ++i)
    source.recipients.push_back(Cat("first.last", i, "@department", i % 7, ".example.com"));
  return source;
}

Event EventOf(const Source& source) {
  return BuildEvent(source.summary, source.recipients, source.message_id, source.invocation_id,
                    rules::FlowDirection::kOutbound);
}

Tree TreeOf(const Source& source) {
  Tree recipients = Tree::array();
  for (const std::string& recipient : source.recipients)
    recipients.push_back({{"address", recipient}});
  Tree tree;
  tree["summaryVersion"] = "2018-10-10";
  tree["envelope"]["mailFrom"]["address"] = source.summary.mail_from;
  tree["envelope"]["recipients"] = std::move(recipients);
  tree["truncated"] = false;
  tree["sender"]["address"] = *source.summary.sender;
  tree["subject"] = *source.summary.subject;
  tree["messageId"] = source.message_id.text();
  tree["invocationId"] = source.invocation_id.text();
  tree["flowDirection"] = "OUTBOUND";
  return tree;
}

std::string TextOf(const Event& event) {
  std::string text;
  AppendJson(text, event);
  return text;
}

void OursText(benchmark::State& state) {
  const Source source = SourceOf(state.range(0));
  const Event event = EventOf(source);
  PENSTOCK_CHECK(TextOf(event) == TreeOf(source).dump());
  for (auto _ : state)
    benchmark::DoNotOptimize(TextOf(event));
}

void RivalText(benchmark::State& state) {
  const Tree tree = TreeOf(SourceOf(state.range(0)));
  for (auto _ : state)
    benchmark::DoNotOptimize(tree.dump());
}

void OursBuild(benchmark::State& state) {
  const Source source = SourceOf(state.range(0));
  for (auto _ : state)
    benchmark::DoNotOptimize(TextOf(EventOf(source)));
}

void RivalBuild(benchmark::State& state) {
  const Source source = SourceOf(state.range(0));
  for (auto _ : state)
    benchmark::DoNotOptimize(TreeOf(source).dump());
}

BENCHMARK(OursText)->Name("Ours/text")->Arg(1)->Arg(50)->Arg(500);
BENCHMARK(RivalText)->Name("Rival/text")->Arg(1)->Arg(50)->Arg(500);
BENCHMARK(OursBuild)->Name("Ours/build")->Arg(1)->Arg(50)->Arg(500);
BENCHMARK(RivalBuild)->Name("Rival/build")->Arg(1)->Arg(50)->Arg(500);

}  // namespace
}  // namespace penstock::flow
