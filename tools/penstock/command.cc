// SPDX-License-Identifier: Apache-2.0
#include "tools/penstock/command.h"

#include <algorithm>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/wire/proto_time.h"

#include "tools/penstock/resources.h"

namespace penstock::cli {

Arguments::Arguments(const std::vector<Parameter>& parameters) {
  for (const Parameter& parameter : parameters) {
    if (!parameter.preset.empty()) presets_[parameter.name] = parameter.preset;
  }
}

void Arguments::Add(const std::string& name, std::string value) {
  given_[name].push_back(std::move(value));
}

bool Arguments::Has(std::string_view name) const {
  return given_.find(name) != given_.end();
}

std::string Arguments::Text(std::string_view name) const {
  if (const auto given = given_.find(name); given != given_.end()) return given->second.front();
  const auto preset = presets_.find(name);
  return preset == presets_.end() ? std::string() : preset->second;
}

std::vector<std::string> Arguments::List(std::string_view name) const {
  const auto given = given_.find(name);
  return given == given_.end() ? std::vector<std::string>() : given->second;
}

std::int64_t Arguments::Number(std::string_view name) const {
  return ParseInt<std::int64_t>(Text(name)).value_or(0);
}

std::chrono::nanoseconds Arguments::Duration(std::string_view name) const {
  return wire::ParseDuration(Text(name)).value_or(std::chrono::nanoseconds(0));
}

std::map<std::string, std::string> Arguments::Labels(std::string_view name) const {
  std::map<std::string, std::string> labels;
  for (const std::string& label : List(name)) {
    const std::size_t at = label.find('=');
    labels[label.substr(0, at)] = label.substr(at + 1);
  }
  return labels;
}

const std::vector<Parameter>& GlobalParameters() {
  static const std::vector<Parameter> kParameters = {
      {.name = "--socket",
       .value = "PATH",
       .help = "the daemon's admin socket; else $PENSTOCK_SOCKET, else /run/penstock/admin.sock, "
               "else /var/lib/penstock/admin.sock",
       .kind = Parameter::Kind::kFile},
      {.name = "--address",
       .value = "HOST:PORT",
       .help = "the daemon's address for administration over TCP (`admin.listen`) instead of the "
               "socket, with --cert and --key; else $PENSTOCK_ADDRESS"},
      {.name = "--ca",
       .value = "FILE",
       .help = "authority of the daemon's certificate; else $PENSTOCK_CA, else the system's",
       .kind = Parameter::Kind::kFile},
      {.name = "--cert",
       .value = "FILE",
       .help = "your certificate; else $PENSTOCK_CERT",
       .kind = Parameter::Kind::kFile},
      {.name = "--key",
       .value = "FILE",
       .help = "your certificate's key; else $PENSTOCK_KEY",
       .kind = Parameter::Kind::kFile},
      {.name = "--server-name",
       .value = "NAME",
       .help = "that the daemon's certificate carries, if it is not the host of --address; else "
               "$PENSTOCK_SERVER_NAME"},
      {.name = "--output",
       .value = "FORMAT",
       .help = "how results are written",
       .kind = Parameter::Kind::kWord,
       .words = {"table", "json", "yaml"},
       .preset = "table",
       .letter = 'o'},
      {.name = "--timeout",
       .value = "DURATION",
       .help = "how long to wait for the daemon",
       .kind = Parameter::Kind::kDuration,
       .preset = Cat(limits::kAdminCallDeadline.count(), "s")},
      {.name = "--help", .help = "this text", .letter = 'h'},
  };
  return kParameters;
}

std::vector<Parameter> GlobalsOf(const Command& command) {
  std::vector<Parameter> globals = GlobalParameters();
  for (Parameter& parameter : globals) {
    if (parameter.name != "--output") continue;
    parameter.words.insert(parameter.words.end(), command.formats.begin(), command.formats.end());
  }
  return globals;
}

const std::vector<std::pair<std::string, std::string>>& Groups() {
  static const std::vector<std::pair<std::string, std::string>> kGroups = {
      {"org", "Organizations and the domains they own"},
      {"hook", "Hooks and who may call them"},
      {"rule", "Flow rules: which messages, and what happens to them"},
      {"event", "Events: what hooks are given"},
      {"answer", "Answers: what hooks return"},
      {"change", "The record of changes: who, when, before and after"},
      {"message", "Messages and what became of them"},
      {"dead-letter", "Events that ASYNC hooks have not taken"},
  };
  return kGroups;
}

const std::vector<Command>& Commands() {
  static const std::vector<Command> kCommands = [] {
    std::vector<Command> all;
    for (const auto& of_resource :
         {OrgCommands(), HookCommands(), RuleCommands(), ManifestCommands(), ChangeCommands(),
          EventCommands(), AnswerCommands(), MessageCommands(), DeadLetterCommands(),
          StatusCommands(), CompletionCommands()}) {
      all.insert(all.end(), of_resource.begin(), of_resource.end());
    }
    return all;
  }();
  return kCommands;
}

StatusOr<std::string> CheckValue(const Parameter& parameter, std::string_view value) {
  const auto refuse = [&](std::string_view expected) {
    return InvalidArgument(Cat(parameter.name, " \"", Printable(value), "\": expected ", expected));
  };
  std::string text(value);
  switch (parameter.kind) {
    case Parameter::Kind::kWord: {
      text = AsciiLower(text);
      std::replace(text.begin(), text.end(), '_', '-');
      const auto& words = parameter.words;
      if (std::find(words.begin(), words.end(), text) == words.end()) {
        return refuse(Cat(words.size() > 1 ? "one of " : "", Join(words, ", ")));
      }
      break;
    }
    case Parameter::Kind::kDuration:
      if (!wire::ParseDuration(value)) {
        return refuse("a number and a unit, such as 30s, 10m or 4h");
      }
      break;
    case Parameter::Kind::kNumber:
    case Parameter::Kind::kChange:
      if (ParseInt<std::int64_t>(value).value_or(-1) < 0) return refuse("a whole number");
      break;
    case Parameter::Kind::kCount:
      if (ParseInt<std::int64_t>(value).value_or(0) < 1) return refuse("a whole number, 1 or more");
      break;
    case Parameter::Kind::kLabel:
      if (value.find('=') == std::string_view::npos || value.starts_with('=')) {
        return refuse("KEY=VALUE");
      }
      break;
    default:
      if (value.empty() && parameter.required) return refuse("a text that is not empty");
  }
  return text;
}

}  // namespace penstock::cli
