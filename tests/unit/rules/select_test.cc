// SPDX-License-Identifier: Apache-2.0
#include "engine/rules/select.h"

#include <algorithm>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"
#include "tests/support/reference_select.h"
#include "tests/support/rule_vectors.h"
#include "tests/support/vectors.h"

using namespace penstock;         // NOLINT(google-build-using-namespace)
using namespace penstock::rules;  // NOLINT(google-build-using-namespace)
using tests::LoadVectors;
using tests::TextsFromJson;
using tests::Vector;

namespace {

std::vector<std::string> Keys(const std::vector<std::string>& addresses) {
  std::vector<std::string> keys;
  for (const std::string& address : addresses)
    keys.push_back(mail::AddressKey(address));
  return keys;
}

RuleSet Compiled(std::vector<FlowRule> rules) {
  StatusOr<RuleSet> set = RuleSet::Compile(std::move(rules));
  INFO(Message(set.status()));
  REQUIRE(set.ok());
  return *std::move(set);
}

std::string Dump(const RuleSet& rules, const Selection& selection) {
  if (selection.rule == kNoRule) return "none";
  return Cat(rules.name(selection.rule), ": ", Name(selection.field), " ",
             selection.sender.level.ToString(), ", ", selection.recipient.level.ToString());
}

// What the reference can read: ASCII, a domain, no quotes.
bool IsPlain(const std::vector<std::string>& addresses) {
  return std::ranges::all_of(addresses, [](const std::string& address) {
    return address.find('@') != std::string::npos &&
           std::ranges::all_of(address, [](char c) { return c > ' ' && c != '"'; });
  });
}

bool IsPlain(const std::vector<FlowRule>& rules) {
  return std::ranges::all_of(rules, [](const FlowRule& rule) {
    return std::ranges::all_of(rule.sender_patterns, [](const std::string& pattern) {
      return std::ranges::all_of(pattern, [](char c) { return c > ' '; });
    });
  });
}

}  // namespace

TEST_CASE("Select: who wins, by which field and how specifically", "[rules][select]") {
  for (const Vector& v : LoadVectors("rules/select.json")) {
    DYNAMIC_SECTION(v.name) {
      const std::vector<FlowRule> rules = tests::RulesFromJson(v.input.at("rules"));
      const auto sender = TextsFromJson(v.input, "sender");
      const auto from = TextsFromJson(v.input, "from");
      const auto to = TextsFromJson(v.input, "to");
      const auto want = v.want.get<std::vector<std::string>>();
      REQUIRE(to.size() == want.size());

      const RuleSet set = Compiled(rules);
      const OriginatorMatches originators(set, {Keys(sender), Keys(from)});
      for (std::size_t i = 0; i < to.size(); ++i) {
        CAPTURE(to[i]);
        CHECK(Dump(set, Select(set, originators, mail::AddressKey(to[i]))) == want[i]);
        if (!IsPlain(rules) || !IsPlain(sender) || !IsPlain(from) || !IsPlain({to[i]})) continue;
        const auto reference = tests::ReferenceSelect(rules, sender, from, to[i]);
        CHECK((reference.rule ? Cat(*reference.rule, ": ", reference.field, " ",
                                    reference.sender_level, ", ", reference.recipient_level)
                              : std::string("none")) == want[i]);
      }
    }
  }
}

TEST_CASE("Select: the winning patterns are told in normal form", "[rules][select]") {
  FlowRule rule;
  rule.organization = "default";
  rule.name = "r";
  rule.sender_patterns = {"*", "*.Example.com."};
  rule.recipient_patterns = {"example.net", "*"};
  const RuleSet set = Compiled({rule});
  const OriginatorMatches originators(set, {{}, {"x@example.org", "y@a.example.com"}});
  const Selection selection = Select(set, originators, "b@example.net");
  CHECK(selection.sender.ToString() == "*.example.com");
  CHECK(selection.sender.address == 1);
  CHECK(selection.recipient.ToString() == "example.net");
  CHECK(set.act(selection.rule).action() == Action::kDefault);
}

TEST_CASE("Originators: mailboxes become keys", "[rules][select]") {
  const std::vector<mail::Mailbox> sender = {{"S", "Example.COM."}};
  const std::vector<mail::Mailbox> from = {{"\"f\"", "example.org"}, {"g", "b\xc3\xbc.example"}};
  const Originators originators = Originators::Of(sender, from);
  CHECK(originators.sender == std::vector<std::string>{"s@example.com"});
  CHECK(originators.from == std::vector<std::string>{"f@example.org", "g@xn--b-eha.example"});
}

// R5
TEST_CASE("GroupByRule: each recipient in one group, groups in order of first appearance",
          "[rules][select]") {
  std::vector<FlowRule> rules(2);
  rules[0].name = "a";
  rules[0].recipient_patterns = {"a.example"};
  rules[1].name = "b";
  rules[1].recipient_patterns = {"b.example"};
  for (FlowRule& rule : rules) {
    rule.organization = "default";
    rule.sender_patterns = {"*"};
  }
  const RuleSet set = Compiled(rules);
  const OriginatorMatches originators(set, {});
  std::vector<Selection> selections;
  for (const char* to : {"1@b.example", "2@c.example", "3@a.example", "4@b.example", "5@c.example"})
    selections.push_back(Select(set, originators, to));
  const std::vector<RecipientGroup> groups = GroupByRule(selections);
  REQUIRE(groups.size() == 3);
  CHECK(groups[0].rule == set.Find("b"));
  CHECK(groups[0].recipients == std::vector<std::size_t>{0, 3});
  CHECK(groups[1].rule == kNoRule);
  CHECK(groups[1].recipients == std::vector<std::size_t>{1, 4});
  CHECK(groups[2].rule == set.Find("a"));
  CHECK(groups[2].recipients == std::vector<std::size_t>{2});
  CHECK(GroupByRule({}).empty());
}

TEST_CASE("Select: a set without rules matches nothing", "[rules][select]") {
  const RuleSet set;
  const OriginatorMatches originators(set, {{"s@example.com"}, {"f@example.com"}});
  CHECK(Select(set, originators, "b@example.net").rule == kNoRule);
}

TEST_CASE("Select: ten thousand From addresses are looked up once a message", "[rules][select]") {
  std::vector<FlowRule> rules(2);
  rules[0].name = "all";
  rules[0].recipient_patterns = {"other.example"};
  rules[1].name = "last";
  rules[1].sender_patterns = {"u9999@example.com"};
  rules[1].recipient_patterns = {"*"};
  Originators hostile;
  for (int i = 0; i < 10'000; ++i)
    hostile.from.push_back(Cat("u", i, "@example.com"));
  rules[0].sender_patterns = hostile.from;
  for (FlowRule& rule : rules)
    rule.organization = "default";
  const RuleSet set = Compiled(rules);
  const OriginatorMatches originators(set, hostile);
  // Patterns of the same rules count once: two are left, of 10,001.
  CHECK(originators.attempts().front().patterns.size() == 2);
  const Selection selection = Select(set, originators, "b@example.net");
  CHECK(selection.rule == set.Find("last"));
  CHECK(hostile.from[selection.sender.address] == "u9999@example.com");
}
