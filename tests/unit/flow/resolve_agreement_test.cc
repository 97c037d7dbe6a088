// SPDX-License-Identifier: Apache-2.0
// Resolve and tests/support/reference_resolve agree on generated answers. The universe is small, so
// that names meet: four local parts, four domains, spelled in several ways. The run prints how
// often each thing occurred and fails if one never did.
//
// 20,000 cases; the hidden test (label slow) takes 1,000,000. PENSTOCK_SEED=n replays a run.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "engine/flow/resolve.h"
#include "tests/support/reference_resolve.h"
#include "tests/support/resolve_vector.h"

using namespace penstock;  // NOLINT(google-build-using-namespace)
using tests::Json;
using tests::ReferenceEntry;
using tests::ReferenceInput;
using tests::ReferenceResult;

namespace {

class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed) {}

  ReferenceInput Case() {
    ReferenceInput input;
    input.inbound = Chance(2);
    input.typed = Chance(4);
    input.strict = Chance(8);
    input.fallback = Pick({"DROP", "BOUNCE", "DEFAULT", "BOUNCE:later"});
    if (input.inbound && Chance(4)) input.fallback = "MOVE_TO_JUNK";
    input.domains = {"x.test", "sub.x.test", "xn--bcher-kva.test"};
    Recipients(input);
    // One answer in eight has many actions, so that the tenth is passed; one in fifty none.
    const bool many = Chance(8);
    const std::size_t entries = many ? Below(10) + 9 : Chance(50) ? 0 : Below(5) + 1;
    for (std::size_t i = 0; i < entries; ++i)
      input.actions.push_back(Entry(input.inbound, many));
    return input;
  }

 private:
  std::size_t Below(std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_);
  }

  bool Chance(std::size_t one_in) { return Below(one_in) == 0; }

  std::string Pick(std::initializer_list<const char*> from) {
    return from.begin()[Below(from.size())];
  }

  std::string Address() {
    return Pick({"a", "b", "c", "d"}) + "@" +
           Pick({"x.test", "sub.x.test", "xn--bcher-kva.test", "foreign.test"});
  }

  // The same address in another spelling, or none at all.
  std::string Name() {
    if (Chance(25)) return Pick({"nobody", "a b@x.test", "", "@x.test", "a@"});
    std::string name = Address();
    if (Chance(4)) name = Pick({"A", "B", "\"a\"", "\"B\"", "C"}) + name.substr(1);
    if (Chance(8)) name += ".";
    if (const auto at = name.find("xn--bcher-kva"); at != std::string::npos && Chance(2)) {
      name.replace(at, 13,
                   "b\xc3\xbc"
                   "cher");
    }
    return name;
  }

  // Distinct addresses (E3), some of them under other rules; sometimes as many as H11 allows.
  void Recipients(ReferenceInput& input) {
    std::set<std::string> taken;
    for (std::size_t i = Below(4) + 1; i > 0; --i) {
      const std::string address = Name();
      const auto key = tests::ReferenceKey(address);
      if (key && taken.insert(*key).second) input.recipients.push_back(address);
    }
    for (std::size_t i = Below(4); i > 0; --i) {
      const std::string address = Address();
      if (taken.insert(address).second) input.other_recipients.push_back(address);
    }
    if (!Chance(32)) return;
    const std::size_t want = 495 + Below(8);
    for (std::size_t i = 0; taken.size() + i < want; ++i)
      input.other_recipients.push_back(Cat("p", i, "@padding.test"));
  }

  ReferenceEntry Entry(bool inbound, bool many) {
    ReferenceEntry entry;
    entry.type = Pick({"DROP", "BOUNCE", "DEFAULT", "DEFAULT"});
    if (many && !Chance(4)) entry.type = "BOUNCE";  // only its texts make more than ten
    if (inbound && Chance(6)) entry.type = Pick({"MOVE_TO_JUNK", "BYPASS_SPAM_CHECK"});
    if (Chance(100)) entry.type = Pick({"MOVE_TO_JUNK", "HOLD", "", "RUN_HOOK", "default"});
    if (!Chance(8)) entry.bounce_message = many ? Cat(Below(12)) : Pick({"", "1"});
    entry.all_recipients = Chance(many ? 16 : 5);
    if (Chance(entry.all_recipients ? 2 : 100)) return entry;
    entry.recipients.emplace();
    for (std::size_t i = Below(many ? 3 : 5); i > 0; --i)
      entry.recipients->push_back(Name());
    return entry;
  }

  std::mt19937 random_;
};

flow::Answer ToAnswer(const ReferenceInput& input) {
  flow::Answer answer{{}, input.typed};
  for (const ReferenceEntry& entry : input.actions) {
    const bool has = entry.recipients.has_value();
    answer.actions.push_back({entry.type, entry.bounce_message,
                              has ? *entry.recipients : std::vector<std::string>(),
                              has && !input.typed, entry.all_recipients});
  }
  return answer;
}

StatusOr<flow::Resolution> RunFast(const ReferenceInput& input) {
  flow::ResolveInput fast;
  fast.recipients = input.recipients;
  fast.other_recipients = input.other_recipients;
  fast.fallback = tests::ReadVerdict(input.fallback);
  fast.direction = input.inbound ? rules::FlowDirection::kInbound : rules::FlowDirection::kOutbound;
  fast.owns_domain = [&input](std::string_view domain) {
    return input.domains.contains(std::string(domain));
  };
  fast.strict = input.strict;
  fast.room = flow::RoomForAdditions(fast.direction,
                                     input.recipients.size() + input.other_recipients.size());
  return flow::Resolve(fast, ToAnswer(input));
}

// What the fast one found, in the words of the reference.
ReferenceResult InWords(const StatusOr<flow::Resolution>& resolution) {
  ReferenceResult result;
  if (!resolution.ok()) {
    const std::string message(Message(resolution.status()));
    result.invalid_fields.insert(message.substr(0, message.find(':')));
    return result;
  }
  for (const flow::Resolved& resolved : resolution->recipients) {
    result.recipients.push_back(
        Cat(tests::VerdictText(resolved.verdict), " ", flow::Name(resolved.basis)));
  }
  for (const flow::Addition& addition : resolution->additions)
    result.additions.push_back(Cat(addition.address, " ", tests::VerdictText(addition.verdict)));
  for (const flow::Warning& warning : resolution->warnings)
    result.warnings.insert(std::string(flow::Name(warning.reason)));
  return result;
}

bool Agree(const ReferenceResult& fast, const ReferenceResult& reference) {
  if (!reference.invalid_fields.empty()) {
    // The fast one stops at the first of them.
    return fast.invalid_fields.size() == 1 &&
           reference.invalid_fields.contains(*fast.invalid_fields.begin());
  }
  return fast.invalid_fields.empty() && fast.recipients == reference.recipients &&
         fast.additions == reference.additions && fast.warnings == reference.warnings;
}

std::string Show(const ReferenceResult& result) {
  return Json{{"invalid", result.invalid_fields},
              {"recipients", result.recipients},
              {"additions", result.additions},
              {"warnings", result.warnings}}
      .dump(1);
}

std::string Show(const ReferenceInput& input) {
  Json actions = Json::array();
  for (const ReferenceEntry& entry : input.actions) {
    actions.push_back(
        {{"type", entry.type},
         {"message", entry.bounce_message.value_or("(none)")},
         {"recipients", entry.recipients.value_or(std::vector<std::string>{"(none)"})},
         {"all", entry.all_recipients}});
  }
  return Json{{"recipients", input.recipients},
              {"others", input.other_recipients.size()},
              {"fallback", input.fallback},
              {"inbound", input.inbound},
              {"strict", input.strict},
              {"typed", input.typed},
              {"actions", actions}}
      .dump(1);
}

// What must occur for the agreement to say something; the word is counted.
using Counts = std::map<std::string, std::size_t>;

const char* const kMustOccur[] = {"valid",
                                  "invalid type",
                                  "invalid recipients",
                                  "invalid actions",
                                  "invalid strict",
                                  "NAMED",
                                  "ALL_RECIPIENTS",
                                  "FALLBACK",
                                  "SURPLUS",
                                  "CONFLICT",
                                  "ALL_CONFLICT",
                                  "SURPLUS_ACTION",
                                  "NO_RECIPIENTS",
                                  "NOT_AN_ADDRESS",
                                  "STRANGER_NOT_REFUSED",
                                  "UNDER_ANOTHER_RULE",
                                  "NO_ROOM",
                                  "FOREIGN_ADDITION",
                                  "addition",
                                  "tenth action",
                                  "500th recipient"};

std::size_t UniqueActions(const ReferenceInput& input) {
  std::set<std::string> unique;
  for (const ReferenceEntry& entry : input.actions)
    unique.insert(entry.type + (entry.type == "BOUNCE" ? entry.bounce_message.value_or("") : ""));
  return unique.size();
}

void Count(const ReferenceInput& input, const ReferenceResult& result, Counts& counts) {
  for (const std::string& field : result.invalid_fields) {
    if (field.ends_with(".type")) ++counts["invalid type"];
    if (field.ends_with(".recipients")) ++counts["invalid recipients"];
    if (field == "actions") ++counts["invalid actions"];
    if (field.ends_with("]")) ++counts["invalid strict"];
  }
  if (!result.invalid_fields.empty()) return;
  ++counts["valid"];
  for (const std::string& line : result.recipients)
    ++counts[line.substr(line.rfind(' ') + 1)];
  for (const std::string& warning : result.warnings)
    ++counts[warning];
  counts["addition"] += result.additions.size();
  if (UniqueActions(input) == 10) ++counts["tenth action"];
  const std::size_t after =
      input.recipients.size() + input.other_recipients.size() + result.additions.size();
  if (!input.inbound && !result.additions.empty() && after == 500) ++counts["500th recipient"];
}

void RunCases(std::size_t cases) {
  const char* given = std::getenv("PENSTOCK_SEED");
  const auto seed =
      static_cast<std::uint32_t>(given != nullptr ? std::strtoul(given, nullptr, 10) : 1);
  Generator generator(seed);
  Counts counts;
  for (std::size_t i = 0; i < cases; ++i) {
    const ReferenceInput input = generator.Case();
    const ReferenceResult reference = tests::ReferenceResolve(input);
    const ReferenceResult fast = InWords(RunFast(input));
    Count(input, reference, counts);
    if (Agree(fast, reference)) continue;
    CAPTURE(i, seed, Show(input), Show(fast), Show(reference));
    FAIL("the two implementations differ");
  }
  std::printf("PENSTOCK_SEED=%u\n", seed);
  for (const char* const what : kMustOccur) {
    std::printf("%9zu  %s\n", counts[what], what);
    CAPTURE(what);
    CHECK(counts[what] > 0);
  }
  std::printf("%9zu  cases\n", cases);
}

}  // namespace

TEST_CASE("Resolve: agrees with the reference on 20,000 generated answers", "[flow][resolve]") {
  RunCases(20'000);
}

TEST_CASE("Resolve: agrees with the reference on 1,000,000 generated answers",
          "[flow][resolve][.slow]") {
  RunCases(1'000'000);
}
