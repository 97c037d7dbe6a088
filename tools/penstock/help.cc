// SPDX-License-Identifier: Apache-2.0
#include "tools/penstock/help.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/base/strings.h"

#include "tools/penstock/command.h"

namespace penstock::cli {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;

// Two columns, indented.
std::string Columns(const Rows& rows) {
  std::size_t width = 0;
  for (const auto& [left, right] : rows)
    width = std::max(width, left.size());
  std::string text;
  for (const auto& [left, right] : rows)
    Append(text, "  ", left, std::string(width - left.size() + 2, ' '), right, "\n");
  return text;
}

Rows RowsOf(const std::vector<Parameter>& parameters) {
  Rows rows;
  for (const Parameter& parameter : parameters) {
    std::string left;
    if (parameter.letter != '\0') left = Cat("-", std::string(1, parameter.letter), ", ");
    left += parameter.name;
    if (!parameter.is_operand() && !parameter.value.empty()) Append(left, " ", parameter.value);
    std::string right = parameter.help;
    if (!parameter.words.empty()) Append(right, ": ", Join(parameter.words, ", "));
    if (!parameter.preset.empty()) Append(right, " (default: ", parameter.preset, ")");
    if (parameter.repeated) right += "; may be repeated";
    rows.emplace_back(std::move(left), std::move(right));
  }
  return rows;
}

std::string UsageOf(const Command& command) {
  std::string usage = Cat("penstock ", command.words);
  for (const Parameter& parameter : command.parameters) {
    std::string one = parameter.name;
    if (!parameter.is_operand() && !parameter.value.empty()) Append(one, " ", parameter.value);
    if (parameter.is_operand() || parameter.required) {
      Append(usage, parameter.required ? " " : " [", one, parameter.repeated ? "..." : "",
             parameter.required ? "" : "]");
    }
  }
  return usage + " [OPTIONS]";
}

std::string HelpOf(const Command& command) {
  std::string text = Cat("Usage: ", UsageOf(command), "\n\n", command.summary, ".\n");
  if (!command.details.empty()) Append(text, command.details, "\n");
  if (!command.parameters.empty()) Append(text, "\n", Columns(RowsOf(command.parameters)));
  std::vector<Parameter> global;
  for (const Parameter& parameter : GlobalsOf(command)) {
    const bool hidden =
        std::any_of(command.parameters.begin(), command.parameters.end(),
                    [&](const Parameter& own) { return own.name == parameter.name; });
    if (!hidden) global.push_back(parameter);
  }
  Append(text, "\nOptions of every command:\n", Columns(RowsOf(global)));
  Append(text, "\nExample:\n  ", command.example, "\n");
  return text;
}

}  // namespace

std::string HelpText(std::string_view words) {
  Rows rows;
  const std::string before = words.empty() ? "" : Cat(words, " ");
  for (const Command& command : Commands()) {
    if (command.words == words) return HelpOf(command);
    if (command.words.starts_with(before)) {
      rows.emplace_back(command.words, command.summary);
    }
  }
  Rows options = RowsOf(GlobalParameters());
  if (words.empty()) options.emplace_back("--version", "the program's version");
  std::string about = "The command line of penstockd, which controls a mail flow with functions";
  for (const auto& [group, summary] : Groups()) {
    if (group == words) about = summary;
  }
  return Cat("Usage: penstock ", before, "COMMAND [OPTIONS]\n\n", about, ".\n\nCommands:\n",
             Columns(rows), "\nOptions of every command:\n", Columns(options),
             "\nExit codes: 0 done, 1 refused, 2 wrong command line, 3 daemon not "
             "reachable,\n4 done and something found (diff, rule lint).\n`penstock COMMAND --help` "
             "shows a command's options and an example.\n");
}

}  // namespace penstock::cli
