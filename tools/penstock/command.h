// SPDX-License-Identifier: Apache-2.0
// What a command is: its words, what may follow them, and what it does. The commands are tables of
// data, so that the parser, the help, the completion and the tests all read the same thing.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/status.h"

namespace penstock::cli {

class Session;  // session.h

// How a run of the program ends.
enum class Exit : int {
  kOk = 0,
  kRefused = 1,      // the daemon has understood and says no
  kUsage = 2,        // the command line itself is wrong; nothing was asked
  kUnreachable = 3,  // no answer from the daemon
  kFound = 4,        // done, and what was looked for is there: differences, findings
};

// One thing that may follow a command's words.
struct Parameter {
  // What its value is: it is checked before anything is asked, and completion offers it.
  enum class Kind {
    kText,
    kWord,      // one of `words`
    kDuration,  // "30s", "10m"
    kNumber,    // a whole number, 0 or more
    kCount,     // a whole number, 1 or more
    kLabel,     // "key=value"
    kFile,
    kOrganization,
    kHook,
    kRule,
    kMessage,
    kDeadLetter,
    kChange,  // a number
  };

  std::string name;        // "--org"; without dashes it is known by its place: "NAME"
  std::string value = {};  // what stands for it in the help, "ORG"; empty: a switch
  std::string help = {};
  Kind kind = Kind::kText;
  bool required = false;
  bool repeated = false;
  std::vector<std::string> words = {};  // kWord: the only values, in lower case
  std::string preset = {};              // value where none is given
  std::string field = {};               // name of the request's field, in what the daemon refuses
  char letter = '\0';                   // "-o"

  [[nodiscard]] bool is_operand() const { return !name.starts_with("-"); }

  [[nodiscard]] bool is_switch() const { return !is_operand() && value.empty(); }
};

// The values that a command line gives, by the parameters' names.
class Arguments {
 public:
  Arguments() = default;
  explicit Arguments(const std::vector<Parameter>& parameters);

  void Add(const std::string& name, std::string value);

  // Whether the command line names it.
  [[nodiscard]] bool Has(std::string_view name) const;

  // The value; where none is given the preset, that failing "".
  [[nodiscard]] std::string Text(std::string_view name) const;

  [[nodiscard]] std::vector<std::string> List(std::string_view name) const;

  // Of a kNumber or kCount, and of a kDuration that was given or has a preset; checked by the
  // parser.
  [[nodiscard]] std::int64_t Number(std::string_view name) const;
  [[nodiscard]] std::chrono::nanoseconds Duration(std::string_view name) const;

  // Of a repeated kLabel.
  [[nodiscard]] std::map<std::string, std::string> Labels(std::string_view name) const;

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> given_;
  std::map<std::string, std::string, std::less<>> presets_;
};

struct Command {
  std::string words;         // "hook add-permission"
  std::string summary;       // one line, no full stop
  std::string details = {};  // further lines; may be empty
  std::string example;       // one that works
  std::vector<Parameter> parameters = {};
  std::vector<std::string> formats = {};  // of --output, beside those of every command

  // Judges what no single parameter tells. Errors: kInvalidArgument; the program ends with kUsage.
  Status (*check)(const Arguments& arguments) = nullptr;

  // Errors: what the daemon refused. Text is its own; session.h makes a sentence of it.
  Status (*run)(Session& session, const Arguments& arguments) = nullptr;
};

// What every command takes.
const std::vector<Parameter>& GlobalParameters();

// The same, with the values of --output that `command` has.
std::vector<Parameter> GlobalsOf(const Command& command);

// All commands, those of one resource together.
const std::vector<Command>& Commands();

// What the first words stand for: {"hook", "Register hooks and say who may call them"}.
const std::vector<std::pair<std::string, std::string>>& Groups();

// Checks one value and returns it as commands read it: a kWord in lower case with '-' for '_'.
//   Errors: kInvalidArgument, with what was expected.
StatusOr<std::string> CheckValue(const Parameter& parameter, std::string_view value);

}  // namespace penstock::cli
