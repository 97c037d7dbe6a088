// SPDX-License-Identifier: Apache-2.0
#include "tools/penstock/completion.h"

#include <algorithm>
#include <set>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/strings.h"

#include "penstock/v1/changes.grpc.pb.h"
#include "penstock/v1/dead_letters.grpc.pb.h"
#include "penstock/v1/flow_rules.grpc.pb.h"
#include "penstock/v1/hooks.grpc.pb.h"
#include "penstock/v1/messages.grpc.pb.h"
#include "penstock/v1/organizations.grpc.pb.h"

#include "tools/penstock/change_text.h"
#include "tools/penstock/names.h"
#include "tools/penstock/resources.h"
#include "tools/penstock/run.h"
#include "tools/penstock/session.h"

namespace penstock::cli {
namespace {

// What the script takes for "complete names of files here".
constexpr std::string_view kFiles = ":files\n";

constexpr std::string_view kBash =
    R"(# bash completion of penstock. Load it: source <(penstock completion bash)
_penstock() {
  local line
  local -a lines
  COMPREPLY=()
  mapfile -t lines < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  if [[ ${lines[0]-} == :files ]]; then
    compopt -o default
    return
  fi
  for line in "${lines[@]}"; do
    COMPREPLY+=("${line%%$'\t'*}")
  done
}
complete -F _penstock penstock
)";

constexpr std::string_view kZsh = R"(#compdef penstock
# zsh completion of penstock. Load it: source <(penstock completion zsh)
_penstock() {
  local -a lines
  lines=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ "${lines[1]}" == ":files" ]]; then
    _files
    return
  fi
  lines=("${(@)lines//:/\\:}")
  lines=("${(@)lines//$'\t'/:}")
  _describe penstock lines
}
if [[ "${funcstack[1]}" == "_penstock" ]]; then
  _penstock "$@"
else
  compdef _penstock penstock
fi
)";

constexpr std::string_view kFish =
    R"(# fish completion of penstock. Load it: penstock completion fish | source
function __penstock_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l lines (command $words[1] __complete $words[2..-1] 2>/dev/null)
    if test "$lines[1]" = ':files'
        __fish_complete_path (commandline -ct)
        return
    end
    printf '%s\n' $lines
end
complete -c penstock -f -a '(__penstock_complete)'
)";

// A candidate and what it is.
using Candidates = std::vector<std::pair<std::string, std::string>>;

// What the finished words of a line say.
struct Line {
  std::string words;                  // of the command, as far as they go
  const Command* command = nullptr;   // null: not said yet
  std::size_t operands = 0;           // values known by their place
  const Parameter* awaits = nullptr;  // the option whose value comes next
  std::set<std::string> named;        // options that were given
  std::vector<std::pair<std::string, std::string>> values;

  [[nodiscard]] std::string Value(std::string_view name, std::string_view otherwise) const {
    for (const auto& [key, value] : values) {
      if (key == name) return value;
    }
    return std::string(otherwise);
  }
};

const Command* FindCommand(std::string_view words) {
  for (const Command& command : Commands()) {
    if (command.words == words) return &command;
  }
  return nullptr;
}

const Parameter* FindOption(const Command* command, std::string_view name) {
  const auto matches = [&](const Parameter& parameter) {
    return parameter.name == name ||
           (parameter.letter != '\0' && name == Cat("-", std::string(1, parameter.letter)));
  };
  if (command != nullptr) {
    for (const Parameter& parameter : command->parameters) {
      if (matches(parameter)) return &parameter;
    }
  }
  for (const Parameter& parameter : GlobalParameters()) {
    if (matches(parameter)) return &parameter;
  }
  return nullptr;
}

Line Read(const std::vector<std::string>& finished) {
  Line line;
  for (const std::string& word : finished) {
    if (line.awaits != nullptr) {
      line.values.emplace_back(std::exchange(line.awaits, nullptr)->name, word);
    } else if (word.starts_with("-")) {
      const std::size_t at = word.find('=');
      const Parameter* option = FindOption(line.command, word.substr(0, at));
      if (option == nullptr) continue;
      line.named.insert(option->name);
      if (at != std::string::npos) {
        line.values.emplace_back(option->name, word.substr(at + 1));
      } else if (!option->is_switch()) {
        line.awaits = option;
      }
    } else if (line.command == nullptr) {
      Append(line.words, line.words.empty() ? "" : " ", word);
      line.command = FindCommand(line.words);
    } else {
      ++line.operands;
    }
  }
  return line;
}

// Asks the daemon for names.
class Names {
 public:
  explicit Names(const Line& line)
      : line_(line),
        client_(AddressOf(Globals(line)), Milliseconds(limits::kCompletionDeadline), true) {}

  Candidates Of(Parameter::Kind kind) {
    switch (kind) {
      case Parameter::Kind::kOrganization:
        return Organizations();
      case Parameter::Kind::kHook:
        return Hooks();
      case Parameter::Kind::kRule:
        return Rules();
      case Parameter::Kind::kMessage:
        return Messages();
      case Parameter::Kind::kDeadLetter:
        return DeadLetters();
      case Parameter::Kind::kChange:
        return Changes();
      default:
        return {};
    }
  }

 private:
  static Arguments Globals(const Line& line) {
    Arguments arguments;
    for (const char* option :
         {"--socket", "--address", "--ca", "--cert", "--key", "--server-name"}) {
      const std::string value = line.Value(option, "");
      if (!value.empty()) arguments.Add(option, value);
    }
    return arguments;
  }

  Candidates Organizations() {
    v1::ListOrganizationsRequest request;
    request.set_page_size(limits::kListPageMax);
    v1::ListOrganizationsResponse response;
    if (!client_
             .Call<v1::OrganizationService>(&v1::OrganizationService::Stub::ListOrganizations,
                                            request, &response)
             .ok()) {
      return {};
    }
    Candidates found;
    for (const v1::Organization& organization : response.organizations()) {
      found.emplace_back(IdOf(organization.name()), "");
    }
    return found;
  }

  Candidates Hooks() {
    v1::ListHooksRequest request;
    request.set_page_size(limits::kListPageMax);
    v1::ListHooksResponse response;
    if (!client_
             .Call<v1::HookRegistryService>(&v1::HookRegistryService::Stub::ListHooks, request,
                                            &response)
             .ok()) {
      return {};
    }
    Candidates found;
    for (const v1::Hook& hook : response.hooks())
      found.emplace_back(IdOf(hook.name()), hook.target());
    return found;
  }

  Candidates Rules() {
    v1::ListFlowRulesRequest request;
    request.set_parent(RulesParent(line_.Value("--org", "-"), line_.Value("--direction", "-")));
    request.set_page_size(limits::kListPageMax);
    v1::ListFlowRulesResponse response;
    if (!client_
             .Call<v1::FlowRuleService>(&v1::FlowRuleService::Stub::ListFlowRules, request,
                                        &response)
             .ok()) {
      return {};
    }
    Candidates found;
    for (const v1::FlowRule& rule : response.flow_rules())
      found.emplace_back(IdOf(rule.name()), rule.description());
    return found;
  }

  Candidates Messages() {
    v1::ListMessagesResponse response;
    if (!client_
             .Call<v1::MessageService>(&v1::MessageService::Stub::ListMessages,
                                       v1::ListMessagesRequest(), &response)
             .ok()) {
      return {};
    }
    Candidates found;
    for (const v1::Message& message : response.messages()) {
      found.emplace_back(IdOf(message.name()), Cat("from ", message.reverse_path()));
    }
    return found;
  }

  Candidates DeadLetters() {
    v1::ListDeadLettersRequest request;
    request.set_hook(line_.Value("--hook", ""));
    v1::ListDeadLettersResponse response;
    if (!client_
             .Call<v1::DeadLetterService>(&v1::DeadLetterService::Stub::ListDeadLetters, request,
                                          &response)
             .ok()) {
      return {};
    }
    Candidates found;
    for (const v1::DeadLetter& letter : response.dead_letters())
      found.emplace_back(IdOf(letter.name()), Cat(letter.hook(), ": ", letter.last_error()));
    return found;
  }

  Candidates Changes() {
    v1::ListChangesResponse response;
    if (!client_
             .Call<v1::ChangeService>(&v1::ChangeService::Stub::ListChanges,
                                      v1::ListChangesRequest(), &response)
             .ok()) {
      return {};
    }
    Candidates found;
    for (const v1::Change& change : response.changes())
      found.emplace_back(IdOf(change.name()), ChangeTitle(change, Tense::kDone));
    return found;
  }

  const Line& line_;
  Client client_;
};

Candidates NextWords(const Line& line) {
  const std::string before = line.words.empty() ? "" : Cat(line.words, " ");
  Candidates next;
  if (line.words.empty()) {
    for (const auto& [group, summary] : Groups())
      next.emplace_back(group, summary);
  }
  for (const Command& command : Commands()) {
    if (!command.words.starts_with(before)) continue;
    const std::string rest = command.words.substr(before.size());
    if (rest.find(' ') == std::string::npos) next.emplace_back(rest, command.summary);
  }
  return next;
}

Candidates Options(const Line& line) {
  Candidates options;
  const auto add = [&](const Parameter& parameter) {
    if (parameter.is_operand()) return;
    if (line.named.contains(parameter.name) && !parameter.repeated) return;
    options.emplace_back(parameter.name, parameter.help);
  };
  if (line.command != nullptr) {
    for (const Parameter& parameter : line.command->parameters)
      add(parameter);
  }
  for (const Parameter& parameter : GlobalParameters())
    add(parameter);
  return options;
}

const Parameter* NextOperand(const Line& line) {
  std::size_t place = 0;
  for (const Parameter& parameter : line.command->parameters) {
    if (!parameter.is_operand()) continue;
    if (place++ == line.operands || parameter.repeated) return &parameter;
  }
  return nullptr;
}

std::string Matching(const Candidates& candidates, std::string_view begun,
                     std::string_view before = "") {
  std::string out;
  for (const auto& [candidate, description] : candidates) {
    if (!candidate.starts_with(begun)) continue;
    Append(out, before, candidate, description.empty() ? "" : "\t", TerminalText(description),
           "\n");
  }
  return out;
}

// `before`: what of the word stands before the value.
std::string Values(const Line& line, const Parameter& parameter, std::string_view begun,
                   std::string_view before) {
  if (parameter.kind == Parameter::Kind::kFile) return std::string(kFiles);
  Candidates values;
  for (const std::string& word : parameter.words)
    values.emplace_back(word, "");
  if (parameter.name == "--output" && line.command != nullptr) {
    for (const std::string& format : line.command->formats)
      values.emplace_back(format, "");
  }
  if (values.empty()) values = Names(line).Of(parameter.kind);
  return Matching(values, begun, before);
}

// bash gives "--org=x" as three words.
std::vector<std::string> WithoutEqualSigns(const std::vector<std::string>& words) {
  std::vector<std::string> kept;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] != "=") {
      kept.push_back(words[i]);
    } else if (i + 1 == words.size()) {
      kept.emplace_back();
    }
  }
  return kept;
}

}  // namespace

std::string Complete(const std::vector<std::string>& words) {
  std::vector<std::string> finished = WithoutEqualSigns(words);
  if (finished.empty()) finished.emplace_back();
  const std::string begun = std::move(finished.back());
  finished.pop_back();
  const Line line = Read(finished);
  if (line.awaits != nullptr) return Values(line, *line.awaits, begun, "");
  if (begun.starts_with("-")) {
    const std::size_t at = begun.find('=');
    if (at == std::string::npos) return Matching(Options(line), begun);
    const Parameter* option = FindOption(line.command, begun.substr(0, at));
    if (option == nullptr || option->is_switch()) return "";
    return Values(line, *option, begun.substr(at + 1), begun.substr(0, at + 1));
  }
  if (line.command == nullptr) return Matching(NextWords(line), begun);
  const Parameter* operand = NextOperand(line);
  return operand == nullptr ? "" : Values(line, *operand, begun, "");
}

std::string CompletionScript(std::string_view shell) {
  return std::string(shell == "bash" ? kBash : shell == "zsh" ? kZsh : kFish);
}

std::vector<Command> CompletionCommands() {
  return {{
      .words = "completion",
      .summary = "Print the completion script of a shell",
      .details = "Load it in the shell's start file.",
      .example = "source <(penstock completion bash)",
      .parameters = {{.name = "SHELL",
                      .help = "the shell",
                      .kind = Parameter::Kind::kWord,
                      .required = true,
                      .words = {"bash", "zsh", "fish"}}},
      .run =
          [](Session& session, const Arguments& arguments) {
            session.output().Print(CompletionScript(arguments.Text("SHELL")));
            return OkStatus();
          },
  }};
}

}  // namespace penstock::cli
