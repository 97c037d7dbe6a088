// SPDX-License-Identifier: Apache-2.0
// How results are shown: for people as lines and tables, for programs as JSON or YAML.
#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/status.h"

namespace google::protobuf {
class Message;
}

namespace penstock::cli {

// kJunit: only of commands that name it; they write it themselves.
enum class Format { kTable, kJson, kYaml, kJunit };

// Where a command's result goes. Text of others (addresses, subjects, replies) passes through
// TerminalText wherever it is shown to people.
class Output {
 public:
  // Both streams outlive it.
  Output(Format format, std::ostream& out, std::ostream& err)
      : format_(format), out_(&out), err_(&err) {}

  [[nodiscard]] Format format() const { return format_; }

  // Writes `resource` as JSON or YAML, or for people what `text` returns. `json`, where given, is
  // its JSON to the octet.
  Status Show(const google::protobuf::Message& resource, const std::function<std::string()>& text,
              std::string_view json = {});

  // Writes `text` as it is, whatever the format.
  void Print(std::string_view text);

  // The same, and at once; false if it cannot be written.
  bool PrintNow(std::string_view text);

  // Write a line for people that is no result; Warn says that it is a warning.
  void Warn(std::string_view text);
  void Tell(std::string_view text);

 private:
  Format format_;
  std::ostream* out_;
  std::ostream* err_;
};

// Rows under headings, columns aligned, two spaces between them, none at the end of a line. Cells
// are made fit for a terminal.
class Table {
 public:
  explicit Table(std::vector<std::string> headings);

  // Adds a row with a cell for each heading.
  void Add(std::vector<std::string> cells);

  // `empty`: what is said instead if there is no row.
  [[nodiscard]] std::string ToText(std::string_view empty) const;

 private:
  std::vector<std::vector<std::string>> rows_;  // the headings first
};

// "Name:    value" lines, values aligned; those without a value are left out.
class Sheet {
 public:
  void Add(std::string_view name, std::string_view value);
  [[nodiscard]] std::string ToText() const;

 private:
  std::vector<std::pair<std::string, std::string>> lines_;
};

// Returns protobuf's JSON mapping in one line, for a line among others.
std::string CompactJson(const google::protobuf::Message& message);

// Returns `text` with control characters, C1 ones too, as \xNN and broken UTF-8 as U+FFFD, so that
// it moves no cursor and forges no line.
std::string TerminalText(std::string_view text);

// The same for a text of several lines, which stay lines.
std::string TerminalLines(std::string_view text);

}  // namespace penstock::cli
