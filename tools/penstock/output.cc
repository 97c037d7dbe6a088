// SPDX-License-Identifier: Apache-2.0
#include "tools/penstock/output.h"

#include <algorithm>
#include <utility>

#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>

#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/base/utf8.h"
#include "engine/wire/output.h"

namespace penstock::cli {
namespace {

// Columns that `text`, which is valid UTF-8, takes: its code points. Wide and combining characters
// are counted as one, which costs an alignment and nothing else.
std::size_t Width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

std::string Padded(std::string_view text, std::size_t width) {
  return Cat(text, std::string(width - std::min(width, Width(text)), ' '));
}

void AppendEscaped(std::string& out, unsigned char byte) {
  constexpr std::string_view kHex = "0123456789abcdef";
  Append(out, "\\x", kHex.substr(byte >> 4U, 1), kHex.substr(byte & 15U, 1));
}

}  // namespace

Status Output::Show(const google::protobuf::Message& resource,
                    const std::function<std::string()>& text, std::string_view json) {
  switch (format_) {
    case Format::kTable:
    case Format::kJunit:
      *out_ << text();
      break;
    case Format::kJson: {
      if (!json.empty()) {
        *out_ << json;
        break;
      }
      PENSTOCK_ASSIGN_OR_RETURN(const std::string mapping, wire::WriteJson(resource));
      *out_ << mapping;
      break;
    }
    case Format::kYaml:
      *out_ << wire::WriteYaml(resource);
      break;
  }
  return OkStatus();
}

void Output::Print(std::string_view text) {
  *out_ << text;
}

bool Output::PrintNow(std::string_view text) {
  *out_ << text << std::flush;
  return out_->good();
}

void Output::Warn(std::string_view text) {
  *err_ << "warning: " << TerminalText(text) << "\n";
}

void Output::Tell(std::string_view text) {
  *err_ << TerminalText(text) << "\n";
}

Table::Table(std::vector<std::string> headings) {
  rows_.push_back(std::move(headings));
}

void Table::Add(std::vector<std::string> cells) {
  for (std::string& cell : cells)
    cell = TerminalText(cell);
  cells.resize(rows_.front().size());
  rows_.push_back(std::move(cells));
}

std::string Table::ToText(std::string_view empty) const {
  if (rows_.size() == 1) return Cat(empty, "\n");
  std::vector<std::size_t> widths(rows_.front().size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      Append(line, Padded(row[i], widths[i]), "  ");
    line.erase(line.find_last_not_of(' ') + 1);
    Append(text, line, "\n");
  }
  return text;
}

void Sheet::Add(std::string_view name, std::string_view value) {
  if (!value.empty()) lines_.emplace_back(Cat(name, ":"), TerminalText(value));
}

std::string Sheet::ToText() const {
  std::size_t width = 0;
  for (const auto& [name, value] : lines_)
    width = std::max(width, Width(name));
  std::string text;
  for (const auto& [name, value] : lines_)
    Append(text, Padded(name, width), "  ", value, "\n");
  return text;
}

std::string CompactJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  return status.ok() ? json : "";
}

std::string TerminalText(std::string_view text) {
  const std::string valid = ToValidUtf8(text);
  std::string out;
  for (std::size_t i = 0; i < valid.size(); ++i) {
    const auto byte = static_cast<unsigned char>(valid[i]);
    if (byte < 0x20 || byte == 0x7F) {
      AppendEscaped(out, byte);
    } else if (byte == 0xC2 && static_cast<unsigned char>(valid[i + 1]) < 0xA0) {
      AppendEscaped(out, static_cast<unsigned char>(valid[++i]));  // U+0080 to U+009F
    } else {
      out += valid[i];
    }
  }
  return out;
}

std::string TerminalLines(std::string_view text) {
  std::vector<std::string> lines;
  for (const std::string_view line : Split(text, '\n'))
    lines.push_back(TerminalText(line));
  return Join(lines, "\n");
}

}  // namespace penstock::cli
