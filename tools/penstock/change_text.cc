// SPDX-License-Identifier: Apache-2.0
#include "tools/penstock/change_text.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/wire/output.h"

#include "tools/penstock/names.h"
#include "tools/penstock/output.h"

namespace penstock::cli {
namespace {

using Lines = std::vector<std::string>;

struct SignedLine {
  char sign;  // '-', '+' or ' '
  std::string text;
};

template <class Resource>
std::string YamlOf(Resource resource) {
  resource.clear_name();  // the title says it
  resource.clear_etag();
  return wire::WriteYaml(resource);
}

Lines LinesOf(const v1::Resource& resource) {
  std::string yaml;
  switch (resource.resource_case()) {
    case v1::Resource::kOrganization:
      yaml = YamlOf(resource.organization());
      break;
    case v1::Resource::kHook:
      yaml = YamlOf(resource.hook());
      break;
    case v1::Resource::kFlowRule:
      yaml = YamlOf(resource.flow_rule());
      break;
    case v1::Resource::RESOURCE_NOT_SET:
      return {};
  }
  if (yaml == "{}\n") return {};
  Lines lines;
  for (const std::string_view line : Split(yaml, '\n'))
    lines.push_back(TerminalText(line));
  lines.pop_back();  // behind the last line end
  return lines;
}

// Lines that both have in the same order stay: the longest such sequence.
class LineComparison {
 public:
  LineComparison(const Lines& before, const Lines& after) : before_(before), after_(after) {}

  std::vector<SignedLine> Run() {
    std::size_t begin = 0;
    const std::size_t shorter = std::min(before_.size(), after_.size());
    while (begin < shorter && before_[begin] == after_[begin])
      ++begin;
    std::size_t end = 0;  // lines that are equal at the end
    while (end < shorter - begin &&
           before_[before_.size() - 1 - end] == after_[after_.size() - 1 - end])
      ++end;
    for (std::size_t i = 0; i < begin; ++i)
      out_.push_back({' ', before_[i]});
    CompareMiddle(begin, before_.size() - end, after_.size() - end);
    for (std::size_t i = before_.size() - end; i < before_.size(); ++i)
      out_.push_back({' ', before_[i]});
    return std::move(out_);
  }

 private:
  void CompareMiddle(std::size_t begin, std::size_t before_end, std::size_t after_end) {
    const std::size_t rows = before_end - begin;
    const std::size_t columns = after_end - begin;
    std::vector<std::uint32_t> common;  // lines in common from (row, column) on
    const bool fits = columns == 0 || rows <= limits::kDifferenceCellsMax / columns;
    const std::size_t width = columns + 1;
    if (fits) common.resize((rows + 1) * width);
    for (std::size_t r = fits ? rows : 0; r-- > 0;) {
      for (std::size_t c = columns; c-- > 0;) {
        common[r * width + c] =
            before_[begin + r] == after_[begin + c]
                ? common[(r + 1) * width + c + 1] + 1
                : std::max(common[(r + 1) * width + c], common[r * width + c + 1]);
      }
    }
    std::size_t r = 0;
    std::size_t c = 0;
    while (r < rows || c < columns) {
      if (fits && r < rows && c < columns && before_[begin + r] == after_[begin + c]) {
        out_.push_back({' ', before_[begin + r]});
        ++r;
        ++c;
      } else if (r < rows && (c == columns || !fits ||
                              common[(r + 1) * width + c] >= common[r * width + c + 1])) {
        out_.push_back({'-', before_[begin + r++]});
      } else {
        out_.push_back({'+', after_[begin + c++]});
      }
    }
  }

  const Lines& before_;
  const Lines& after_;
  std::vector<SignedLine> out_;
};

// Whether a line that differs is near.
bool IsShown(const std::vector<SignedLine>& lines, std::size_t index) {
  constexpr std::size_t kAround = 3;
  const std::size_t begin = index < kAround ? 0 : index - kAround;
  const std::size_t end = std::min(lines.size(), index + kAround + 1);
  return std::any_of(lines.begin() + static_cast<std::ptrdiff_t>(begin),
                     lines.begin() + static_cast<std::ptrdiff_t>(end),
                     [](const SignedLine& line) { return line.sign != ' '; });
}

}  // namespace

std::string ResourceText(std::string_view resource_name) {
  if (resource_name.find("/flowRules/") != std::string_view::npos) {
    return Cat("rule ", RuleText(resource_name));
  }
  if (resource_name.starts_with("organizations/")) {
    return Cat("organization ", IdOf(resource_name));
  }
  if (resource_name.starts_with("hooks/")) return Cat("hook ", IdOf(resource_name));
  return "a resource that cannot be read: its record is damaged";
}

std::string ChangeTitle(const v1::Change& change, Tense tense) {
  std::string word = "change";
  if (change.kind() == v1::Change::CREATED) word = "create";
  if (change.kind() == v1::Change::UPDATED) word = "update";
  if (change.kind() == v1::Change::REMOVED) word = "remove";
  return Cat(word, tense == Tense::kDone ? "d " : " ",
             TerminalText(ResourceText(change.resource())));
}

std::string DifferenceText(const v1::Change& change, Tense tense) {
  const Lines before = LinesOf(change.before());
  const Lines after = LinesOf(change.after());
  const std::vector<SignedLine> lines = LineComparison(before, after).Run();
  std::string text = Cat(ChangeTitle(change, tense), "\n");
  bool gap = false;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (IsShown(lines, i)) {
      Append(text, "  ", std::string(1, lines[i].sign), " ", lines[i].text, "\n");
      gap = false;
    } else if (!gap) {
      text += "    …\n";
      gap = true;
    }
  }
  return text;
}

}  // namespace penstock::cli
