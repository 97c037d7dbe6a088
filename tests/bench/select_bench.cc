// SPDX-License-Identifier: Apache-2.0
// What selecting a rule costs, beside what it must cost at least: the hash look-ups of the address
// and of each suffix of its domain, in tables that hold the same texts and nothing else.
//
//   one/N          a message of one recipient: sender and recipient are looked up
//   many/N         a message of 500 recipients, per recipient
//   growth/one, growth/many   counter `growth`: the time at N = 1,000,000 over that at N = 10
//   compile/N      counter `octets_a_pattern`: what the compiled set holds
//
// N counts patterns of both sides. Limit/…: the bare look-ups. Rival/one/N: every pattern of every
// rule compared.
#include <algorithm>
#include <cstdint>
#include <ctime>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "absl/container/flat_hash_map.h"

#include "engine/base/check.h"
#include "engine/base/strings.h"
#include "engine/rules/pattern.h"
#include "engine/rules/rule_set.h"
#include "engine/rules/select.h"

namespace penstock::rules {
namespace {

constexpr std::size_t kMessages = 1 << 16;
constexpr std::size_t kManyRecipients = 500;

using Table = absl::flat_hash_map<std::string, std::uint32_t>;

// Rules with N patterns, and mail of which every second address is in a domain that a pattern
// names.
struct Scenario {
  std::vector<FlowRule> rules;
  RuleSet set;
  Table senders;
  Table recipients;
  std::vector<Originators> originators;
  std::vector<std::string> recipient_keys;
};

std::string Domain(std::size_t n) {
  return Cat(n % 2 == 0 ? "mail." : "", "customer-", n, ".example");
}

std::string RandomAddress(std::mt19937_64& random, std::size_t domains) {
  // Twice the domains that rules name, so that every second look-up finds nothing.
  return Cat("user", random() % 8, "@", random() % 4 == 0 ? "eu." : "",
             Domain(random() % (2 * domains)));
}

std::string RandomPattern(std::mt19937_64& random, std::size_t domains) {
  const std::string domain = Domain(random() % domains);
  switch (random() % 5) {
    case 0:
    case 1:
      return domain;
    case 2:
      return Cat("*.", domain);
    default:
      return Cat("user", random() % 8, "@", domain);
  }
}

// Half of the rules are for any recipient, as SYNC rules must be; a quarter are for any sender. So
// "*" stands in very many rules on both sides, which is the hard case.
std::vector<FlowRule> MakeRules(std::size_t patterns, std::mt19937_64& random) {
  constexpr std::size_t kSpecificPatterns = 4;
  const std::size_t domains = std::max<std::size_t>(patterns / 4, 2);
  std::vector<FlowRule> rules;
  for (std::size_t made = 0; made < patterns;) {
    FlowRule rule;
    rule.organization = "default";
    rule.name = Cat("rule-", rules.size());
    rule.verdict.action = rules.size() % 3 == 0 ? Action::kDrop : Action::kMoveToJunk;
    const std::size_t shape = rules.size() % 4;
    const std::size_t count = std::min(kSpecificPatterns, patterns - made);
    for (std::size_t i = 0; i < count; ++i) {
      auto& side =
          shape == 0 || (shape == 1 && i % 2 == 0) ? rule.recipient_patterns : rule.sender_patterns;
      side.push_back(RandomPattern(random, domains));
    }
    if (rule.sender_patterns.empty()) rule.sender_patterns.emplace_back("*");
    if (rule.recipient_patterns.empty()) rule.recipient_patterns.emplace_back("*");
    made += rule.sender_patterns.size() + rule.recipient_patterns.size();
    rules.push_back(std::move(rule));
  }
  return rules;
}

void AddKeys(const std::vector<std::string>& patterns, Table& table) {
  for (const std::string& text : patterns) {
    const StatusOr<Pattern> pattern = Pattern::Parse(text);
    PENSTOCK_CHECK(pattern.ok());
    if (pattern->kind != PatternKind::kAny) table.try_emplace(pattern->key, table.size());
  }
}

const Scenario& ScenarioOf(std::size_t patterns) {
  static std::map<std::size_t, std::unique_ptr<Scenario>> scenarios;
  auto& scenario = scenarios[patterns];
  if (scenario) return *scenario;
  scenario = std::make_unique<Scenario>();
  std::mt19937_64 random(patterns);
  scenario->rules = MakeRules(patterns, random);
  StatusOr<RuleSet> set = RuleSet::Compile(scenario->rules);
  PENSTOCK_CHECK(set.ok());
  scenario->set = *std::move(set);
  for (const FlowRule& rule : scenario->rules) {
    AddKeys(rule.sender_patterns, scenario->senders);
    AddKeys(rule.recipient_patterns, scenario->recipients);
  }
  const std::size_t domains = std::max<std::size_t>(patterns / 4, 2);
  for (std::size_t i = 0; i < kMessages; ++i) {
    scenario->originators.push_back({{}, {RandomAddress(random, domains)}});
    scenario->recipient_keys.push_back(RandomAddress(random, domains));
  }
  return *scenario;
}

std::uint32_t LookUp(const Table& table, const std::string& key) {
  std::uint32_t sum = 0;
  const auto find = [&](std::string_view text) {
    const auto entry = table.find(ToAbsl(text));
    if (entry != table.end()) sum += entry->second;
  };
  find(key);
  for (std::string_view domain = DomainOfKey(key);;) {
    find(domain);
    const std::size_t dot = domain.find('.');
    if (dot == std::string_view::npos) return sum;
    domain.remove_prefix(dot + 1);
  }
}

// Each of the following does the work of one recipient per call, going through the scenario's mail.
template <std::size_t kRecipients>
class Selecting {
 public:
  explicit Selecting(const Scenario& scenario) : scenario_(scenario) {}

  void operator()() {
    if (next_ % kRecipients == 0) {
      originators_.emplace(scenario_.set, scenario_.originators[next_ / kRecipients % kMessages]);
    }
    benchmark::DoNotOptimize(
        Select(scenario_.set, *originators_, scenario_.recipient_keys[next_ % kMessages]));
    ++next_;
  }

 private:
  const Scenario& scenario_;
  std::optional<OriginatorMatches> originators_;
  std::size_t next_ = 0;
};

template <std::size_t kRecipients>
class LookingUp {
 public:
  explicit LookingUp(const Scenario& scenario) : scenario_(scenario) {}

  void operator()() {
    if (next_ % kRecipients == 0) {
      const Originators& originators = scenario_.originators[next_ / kRecipients % kMessages];
      benchmark::DoNotOptimize(LookUp(scenario_.senders, originators.from.front()));
    }
    benchmark::DoNotOptimize(
        LookUp(scenario_.recipients, scenario_.recipient_keys[next_ % kMessages]));
    ++next_;
  }

 private:
  const Scenario& scenario_;
  std::size_t next_ = 0;
};

template <class Work>
void Run(benchmark::State& state) {
  Work work(ScenarioOf(static_cast<std::size_t>(state.range(0))));
  for (auto _ : state)
    work();
}

double ThreadSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

template <class Work>
void Growth(benchmark::State& state) {
  constexpr int kBatch = 2000;
  Work small(ScenarioOf(10));
  Work large(ScenarioOf(1'000'000));
  double small_seconds = 0;
  double large_seconds = 0;
  const auto seconds = [](Work& work) {
    const double start = ThreadSeconds();
    for (int i = 0; i < kBatch; ++i)
      work();
    return ThreadSeconds() - start;
  };
  for (auto _ : state) {
    small_seconds += seconds(small);
    large_seconds += seconds(large);
  }
  state.counters["growth"] = large_seconds / small_seconds;
}

// The obvious way: the patterns of every rule, parsed beforehand.
class Scan {
 public:
  explicit Scan(const std::vector<FlowRule>& rules) {
    for (const FlowRule& rule : rules)
      rules_.push_back({Parse(rule.sender_patterns), Parse(rule.recipient_patterns)});
  }

  [[nodiscard]] std::size_t Select(std::string_view from, std::string_view recipient) const {
    std::size_t best = rules_.size();
    std::pair<Specificity, Specificity> best_level;
    for (std::size_t i = 0; i < rules_.size(); ++i) {
      std::pair<Specificity, Specificity> level;
      if (!Matches(rules_[i].senders, from, level.first)) continue;
      if (!Matches(rules_[i].recipients, recipient, level.second)) continue;
      if (best != rules_.size() && level <= best_level) continue;
      best = i;
      best_level = level;
    }
    return best;
  }

 private:
  struct Rule {
    std::vector<Pattern> senders;
    std::vector<Pattern> recipients;
  };

  static std::vector<Pattern> Parse(const std::vector<std::string>& texts) {
    std::vector<Pattern> patterns;
    for (const std::string& text : texts)
      patterns.push_back(*Pattern::Parse(text));
    return patterns;
  }

  static bool Matches(const std::vector<Pattern>& patterns, std::string_view key,
                      Specificity& level) {
    bool matches = false;
    for (const Pattern& pattern : patterns) {
      if (!pattern.Matches(key)) continue;
      level = matches ? std::max(level, pattern.specificity()) : pattern.specificity();
      matches = true;
    }
    return matches;
  }

  std::vector<Rule> rules_;
};

void ScanOne(benchmark::State& state) {
  const Scenario& scenario = ScenarioOf(static_cast<std::size_t>(state.range(0)));
  const Scan scan(scenario.rules);
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        scan.Select(scenario.originators[i].from.front(), scenario.recipient_keys[i]));
    i = (i + 1) % kMessages;
  }
}

void Compile(benchmark::State& state) {
  const auto patterns = static_cast<std::size_t>(state.range(0));
  std::mt19937_64 random(patterns);
  const std::vector<FlowRule> rules = MakeRules(patterns, random);
  std::size_t octets = 0;
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<FlowRule> copy = rules;
    state.ResumeTiming();
    const StatusOr<RuleSet> set = RuleSet::Compile(std::move(copy));
    PENSTOCK_CHECK(set.ok());
    octets = set->MemoryOctets();
  }
  state.counters["octets_a_pattern"] = static_cast<double>(octets) / static_cast<double>(patterns);
}

void Sizes(benchmark::internal::Benchmark* bench) {
  bench->Arg(10)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
}

BENCHMARK(Run<Selecting<1>>)->Name("Ours/one")->Apply(Sizes);
BENCHMARK(Run<LookingUp<1>>)->Name("Limit/one")->Apply(Sizes);
BENCHMARK(ScanOne)->Name("Rival/one")->Arg(10)->Arg(1'000)->Arg(100'000);
BENCHMARK(Run<Selecting<kManyRecipients>>)->Name("Ours/many")->Apply(Sizes);
BENCHMARK(Run<LookingUp<kManyRecipients>>)->Name("Limit/many")->Apply(Sizes);
BENCHMARK(Growth<Selecting<1>>)->Name("Ours/growth/one");
BENCHMARK(Growth<LookingUp<1>>)->Name("Limit/growth/one");
BENCHMARK(Growth<Selecting<kManyRecipients>>)->Name("Ours/growth/many");
BENCHMARK(Growth<LookingUp<kManyRecipients>>)->Name("Limit/growth/many");
BENCHMARK(Compile)->Name("Ours/compile")->Apply(Sizes)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace penstock::rules

BENCHMARK_MAIN();
