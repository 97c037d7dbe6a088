// SPDX-License-Identifier: Apache-2.0
#include "tools/penstock/command.h"

#include <set>

#include <catch2/catch.hpp>

#include "tools/penstock/command_line.h"

namespace penstock::cli {
namespace {

const Command& Find(std::string_view words) {
  for (const Command& command : Commands()) {
    if (command.words == words) return command;
  }
  throw std::runtime_error("no such command");
}

Parameter Of(Parameter::Kind kind) {
  return {.name = "--x", .value = "X", .kind = kind, .words = {"move-to-junk", "drop"}};
}

}  // namespace

TEST_CASE("Commands: each is named once, does something and shows an example of itself",
          "[cli][command]") {
  std::set<std::string> seen;
  for (const Command& command : Commands()) {
    CAPTURE(command.words);
    CHECK(seen.insert(command.words).second);
    CHECK(command.run != nullptr);
    CHECK_FALSE(command.summary.empty());
    CHECK(command.summary.back() != '.');
    CHECK(command.example.find("penstock " + command.words) != std::string::npos);
  }
}

TEST_CASE("Commands: parameters are unique, explained, and operands stand first",
          "[cli][command]") {
  for (const Command& command : Commands()) {
    std::set<std::string> seen;
    bool options = false;
    for (const Parameter& parameter : command.parameters) {
      CAPTURE(command.words, parameter.name);
      CHECK(seen.insert(parameter.name).second);
      CHECK_FALSE(parameter.help.empty());
      CHECK((parameter.kind == Parameter::Kind::kWord) == !parameter.words.empty());
      if (!parameter.is_operand()) options = true;
      CHECK_FALSE((options && parameter.is_operand()));
    }
  }
}

TEST_CASE("CheckValue: closed sets are read in any case", "[cli][command]") {
  CHECK(CheckValue(Of(Parameter::Kind::kWord), "MOVE_TO_JUNK").value() == "move-to-junk");
  CHECK(CheckValue(Of(Parameter::Kind::kWord), "drop").value() == "drop");
  CHECK(CheckValue(Of(Parameter::Kind::kWord), "dro").status().message() ==
        "--x \"dro\": expected one of move-to-junk, drop");
}

TEST_CASE("CheckValue: numbers, durations and labels", "[cli][command]") {
  CHECK(CheckValue(Of(Parameter::Kind::kNumber), "0").ok());
  CHECK_FALSE(CheckValue(Of(Parameter::Kind::kNumber), "-1").ok());
  CHECK_FALSE(CheckValue(Of(Parameter::Kind::kNumber), "99999999999999999999").ok());
  CHECK(CheckValue(Of(Parameter::Kind::kCount), "1").ok());
  CHECK_FALSE(CheckValue(Of(Parameter::Kind::kCount), "0").ok());
  CHECK(CheckValue(Of(Parameter::Kind::kDuration), "1h30m").ok());
  CHECK_FALSE(CheckValue(Of(Parameter::Kind::kDuration), "10").ok());
  CHECK(CheckValue(Of(Parameter::Kind::kLabel), "a=").ok());
  CHECK(CheckValue(Of(Parameter::Kind::kLabel), "a=b=c").ok());
  CHECK_FALSE(CheckValue(Of(Parameter::Kind::kLabel), "=b").ok());
}

TEST_CASE("ParameterOfField: what the daemon refuses is told by the option that says it",
          "[cli][command]") {
  const Command& create = Find("rule create");
  CHECK(ParameterOfField(create, "recipient_patterns[0]")->name == "--recipient");
  CHECK(ParameterOfField(create, "run_hook.fallback.action")->name == "--fallback");
  CHECK(ParameterOfField(create, "verdict.action")->name == "--action");
  CHECK(ParameterOfField(create, "flow_rule.description")->name == "--description");
  CHECK(ParameterOfField(create, "parent") == nullptr);
  CHECK(ParameterOfField(create, "sort_of_description") == nullptr);
}

TEST_CASE("ParseLine: values keep what CLI11 would take apart", "[cli][command]") {
  const ParsedLine line = ParseLine({"rule", "test", "--direction", "inbound", "--recipient",
                                     "[a,b]", "--recipient", "x@[192.0.2.1]", "--from=a=b"});
  REQUIRE(line.command != nullptr);
  CHECK(line.arguments.List("--recipient") == std::vector<std::string>{"[a,b]", "x@[192.0.2.1]"});
  CHECK(line.arguments.Text("--from") == "a=b");
  CHECK(line.arguments.Text("--org") == "default");
  CHECK_FALSE(line.arguments.Has("--org"));
}

}  // namespace penstock::cli
