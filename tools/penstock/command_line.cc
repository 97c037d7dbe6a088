// SPDX-License-Identifier: Apache-2.0
#include "tools/penstock/command_line.h"

#include <algorithm>
#include <map>
#include <utility>

#include "engine/base/nearest.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

#include "tools/penstock/help.h"
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace penstock::cli {
namespace {

// CLI11's options of one command or of the whole program, by our parameters' names.
using Bound = std::map<std::string, CLI::Option*>;

// What CLI11 calls a parameter: "-o,--output"; an operand has no dashes.
std::string SpecOf(const Parameter& parameter) {
  if (parameter.letter == '\0') return parameter.name;
  return Cat("-", std::string(1, parameter.letter), ",", parameter.name);
}

// Values are only collected: they are judged here, with texts of ours.
Bound Bind(CLI::App& app, const std::vector<Parameter>& parameters) {
  Bound bound;
  for (const Parameter& parameter : parameters) {
    if (parameter.is_switch()) {
      bound[parameter.name] = app.add_flag(SpecOf(parameter));
      continue;
    }
    const CLI::callback_t keep = [](const CLI::results_t&) { return true; };
    CLI::Option* option = app.add_option(SpecOf(parameter), keep);
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    option->expected(1);
    // An option that takes extra values would take the words behind it for its own.
    option->allow_extra_args(parameter.is_operand() && parameter.repeated);
    bound[parameter.name] = option;
  }
  return bound;
}

std::string Quoted(std::string_view text) {
  return Cat("\"", Printable(text), "\"");
}

// Puts what CLI11 has collected into `arguments`.
Status Take(const std::vector<Parameter>& parameters, const Bound& bound, Arguments& arguments) {
  for (const Parameter& parameter : parameters) {
    const CLI::Option& option = *bound.at(parameter.name);
    if (option.count() == 0) {
      if (!parameter.required) continue;
      return InvalidArgument(
          Cat(parameter.name, " is missing",
              parameter.words.empty() ? "" : Cat("; it is one of ", Join(parameter.words, ", "))));
    }
    if (parameter.is_switch()) {
      arguments.Add(parameter.name, "");
      continue;
    }
    if (option.results().size() > 1 && !parameter.repeated) {
      return InvalidArgument(Cat(parameter.name, " is given twice"));
    }
    for (const std::string& result : option.results()) {
      PENSTOCK_ASSIGN_OR_RETURN(std::string value, CheckValue(parameter, result));
      arguments.Add(parameter.name, std::move(value));
    }
  }
  return OkStatus();
}

// What may stand where an unknown word stands.
std::string DidYouMean(std::string_view word, const std::vector<std::string>& known) {
  const auto nearest = NearestWord(word, known);
  return nearest ? Cat("; did you mean ", *nearest, "?") : "";
}

std::string Unexpected(const std::string& word, const std::vector<Parameter>& parameters) {
  if (!word.starts_with("-")) return Cat(Quoted(word), " is one word too many");
  const std::string name = word.substr(0, word.find('='));
  std::vector<std::string> known;
  for (const auto* list : {&parameters, &GlobalParameters()}) {
    for (const Parameter& parameter : *list) {
      if (!parameter.is_operand()) known.push_back(parameter.name);
    }
  }
  return Cat("there is no option ", Printable(name), DidYouMean(name, known));
}

// The words that may follow `words`.
std::vector<std::string> NextWords(std::string_view words) {
  const std::string before = words.empty() ? "" : Cat(words, " ");
  std::vector<std::string> next;
  for (const Command& command : Commands()) {
    if (!command.words.starts_with(before)) continue;
    std::string word = command.words.substr(before.size());
    word = word.substr(0, word.find(' '));
    if (std::find(next.begin(), next.end(), word) == next.end()) next.push_back(word);
  }
  return next;
}

ParsedLine Refuse(std::string_view words, std::string_view why) {
  const std::string named = words.empty() ? "penstock" : Cat("penstock ", words);
  ParsedLine line;
  line.exit = Exit::kUsage;
  line.text = Cat(named, ": ", why, "\nsee: ", named, " --help\n");
  return line;
}

ParsedLine Tell(std::string text) {
  ParsedLine line;
  line.text = std::move(text);
  return line;
}

// The whole tree in CLI11's terms.
class Tree {
 public:
  Tree() {
    app_.allow_extras();
    app_.set_help_flag();
    app_.require_subcommand(0, 1);
    global_ = Bind(app_, GlobalParameters());
    version_ = app_.add_flag("--version");
    for (const Command& command : Commands()) {
      const std::size_t space = command.words.find(' ');
      CLI::App* parent = &app_;
      if (space != std::string::npos) parent = Group(command.words.substr(0, space));
      CLI::App* leaf = parent->add_subcommand(
          space == std::string::npos ? command.words : command.words.substr(space + 1));
      Configure(*leaf);
      leaves_[leaf] = {&command, Bind(*leaf, command.parameters)};
    }
  }

  ParsedLine Parse(const std::vector<std::string>& words) {
    std::vector<std::string> reversed(words.rbegin(), words.rend());  // as CLI11 wants them
    std::string fault;
    try {
      app_.parse(std::move(reversed));
    } catch (const CLI::ParseError& error) {
      fault = error.what();
    }
    return Judge(fault);
  }

 private:
  struct Leaf {
    const Command* command = nullptr;
    Bound bound;
  };

  CLI::App* Group(const std::string& word) {
    CLI::App*& group = groups_[word];
    if (group == nullptr) {
      group = app_.add_subcommand(word);
      group->require_subcommand(0, 1);
      Configure(*group);
    }
    return group;
  }

  static void Configure(CLI::App& app) {
    app.set_help_flag();
    app.fallthrough();
    app.allow_extras();
  }

  ParsedLine Judge(const std::string& fault) {
    const CLI::App* app = &app_;
    std::string words;
    while (!app->get_subcommands().empty()) {
      app = app->get_subcommands().front();
      Append(words, words.empty() ? "" : " ", app->get_name());
    }
    const auto leaf = leaves_.find(app);
    if (global_.at("--help")->count() > 0) return Tell(HelpText(words));
    if (version_->count() > 0) return Tell("penstock " PENSTOCK_VERSION "\n");

    std::vector<std::string> extras = app_.remaining(true);
    std::erase(extras, "--");  // only operands come behind it
    if (leaf == leaves_.end()) {
      const std::vector<std::string> next = NextWords(words);
      if (extras.empty())
        return Refuse(words, Cat("a command is missing; it is one of ", Join(next, ", ")));
      if (extras.front().starts_with("-")) return Refuse(words, Unexpected(extras.front(), {}));
      return Refuse(words, Cat("there is no command ", Quoted(extras.front()),
                               DidYouMean(extras.front(), next)));
    }
    const Command& command = *leaf->second.command;
    if (!extras.empty()) return Refuse(words, Unexpected(extras.front(), command.parameters));
    if (!fault.empty()) return Refuse(words, Explain(fault));

    ParsedLine line;
    line.command = &command;
    line.arguments = Arguments(command.parameters);
    line.globals = Arguments(GlobalParameters());
    Status taken = Take(command.parameters, leaf->second.bound, line.arguments);
    if (taken.ok()) taken = Take(GlobalsOf(command), global_, line.globals);
    if (taken.ok() && command.check != nullptr) taken = command.check(line.arguments);
    if (!taken.ok()) return Refuse(words, Message(taken));
    return line;
  }

  // CLI11 says "--org: 1 required TEXT missing".
  static std::string Explain(const std::string& fault) {
    if (fault.find("required") == std::string::npos) return fault;
    return Cat(fault.substr(0, fault.find(':')), " needs a value");
  }

  CLI::App app_;
  Bound global_;
  CLI::Option* version_ = nullptr;
  std::map<std::string, CLI::App*> groups_;
  std::map<const CLI::App*, Leaf> leaves_;
};

}  // namespace

ParsedLine ParseLine(const std::vector<std::string>& words) {
  Tree tree;
  return tree.Parse(words);
}

const Parameter* ParameterOfField(const Command& command, std::string_view field) {
  // The last step counts: "flow_rule.sender_patterns[2]" is "sender_patterns".
  const std::string_view path = field.substr(0, field.find('['));
  const Parameter* best = nullptr;
  for (const Parameter& parameter : command.parameters) {
    if (parameter.field.empty() || !path.ends_with(parameter.field)) continue;
    const std::size_t rest = path.size() - parameter.field.size();
    if (rest != 0 && path[rest - 1] != '.') continue;
    if (best == nullptr || best->field.size() < parameter.field.size()) best = &parameter;
  }
  return best;
}

}  // namespace penstock::cli
