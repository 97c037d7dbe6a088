// SPDX-License-Identifier: Apache-2.0
#include "tools/penstock/change_text.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"

namespace penstock::cli {
namespace {

v1::Change RuleChange(const std::vector<std::string>& before,
                      const std::vector<std::string>& after) {
  v1::Change change;
  change.set_kind(v1::Change::UPDATED);
  change.set_resource("organizations/acme/directions/inbound/flowRules/r");
  for (const std::string& pattern : before)
    change.mutable_before()->mutable_flow_rule()->add_sender_patterns(pattern);
  for (const std::string& pattern : after)
    change.mutable_after()->mutable_flow_rule()->add_sender_patterns(pattern);
  for (v1::Resource* side : {change.mutable_before(), change.mutable_after()}) {
    side->mutable_flow_rule()->set_name(change.resource());
    side->mutable_flow_rule()->mutable_verdict()->set_action(v1::Verdict::DROP);
  }
  change.mutable_before()->mutable_flow_rule()->set_etag("1");
  return change;
}

constexpr std::string_view kTitle = "updated rule r (organization acme, inbound)\n";

}  // namespace

TEST_CASE("DifferenceText: lines that stay are shown around those that do not", "[cli][changes]") {
  CHECK(DifferenceText(RuleChange({"a", "b", "c", "d", "e", "f"}, {"a", "b", "x", "d", "e", "f"}),
                       Tense::kDone) == Cat(kTitle,
                                            "    sender_patterns:\n"
                                            "      - a\n"
                                            "      - b\n"
                                            "  -   - c\n"
                                            "  +   - x\n"
                                            "      - d\n"
                                            "      - e\n"
                                            "      - f\n"
                                            "    …\n"));
}

TEST_CASE("DifferenceText: what is longest in common stays", "[cli][changes]") {
  const std::string text =
      DifferenceText(RuleChange({"a", "b", "c", "d"}, {"b", "c", "x", "a", "d"}), Tense::kDone);
  CHECK(text == Cat(kTitle,
                    "    sender_patterns:\n"
                    "  -   - a\n"
                    "      - b\n"
                    "      - c\n"
                    "  +   - x\n"
                    "  +   - a\n"
                    "      - d\n"
                    "    verdict:\n"
                    "      action: DROP\n"));
}

TEST_CASE("DifferenceText: lists too long to compare go and come", "[cli][changes]") {
  std::vector<std::string> before;
  std::vector<std::string> after;
  for (int i = 0; i < 1100; ++i) {
    before.push_back(Cat("a", i));
    after.push_back(Cat("b", i));
  }
  before[600] = after[500];  // would be found in common
  const std::string text = DifferenceText(RuleChange(before, after), Tense::kDone);
  CHECK(text.find("  -   - b500\n") != std::string::npos);
  CHECK(text.find("  +   - b500\n") != std::string::npos);
}

TEST_CASE("DifferenceText: what is equal is not shown", "[cli][changes]") {
  CHECK(DifferenceText(RuleChange({"a"}, {"a"}), Tense::kDone) == Cat(kTitle, "    …\n"));
}

TEST_CASE("ChangeTitle: says what happens to which resource", "[cli][changes]") {
  v1::Change change;
  change.set_resource("hooks/h");
  change.set_kind(v1::Change::CREATED);
  CHECK(ChangeTitle(change, Tense::kDone) == "created hook h");
  CHECK(ChangeTitle(change, Tense::kWould) == "create hook h");
  change.set_resource("organizations/a");
  change.set_kind(v1::Change::REMOVED);
  CHECK(ChangeTitle(change, Tense::kDone) == "removed organization a");
  CHECK(ChangeTitle(v1::Change(), Tense::kDone) ==
        "changed a resource that cannot be read: its record is damaged");
}

}  // namespace penstock::cli
