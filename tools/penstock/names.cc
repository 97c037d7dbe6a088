// SPDX-License-Identifier: Apache-2.0
#include "tools/penstock/names.h"

#include <algorithm>

#include "absl/strings/ascii.h"

#include "engine/base/strings.h"

namespace penstock::cli {

std::string IdOf(std::string_view resource_name) {
  return std::string(resource_name.substr(resource_name.rfind('/') + 1));
}

std::string RulesParent(std::string_view organization, std::string_view direction) {
  return Cat("organizations/", organization, "/directions/", direction);
}

std::string RuleText(std::string_view resource_name) {
  const auto parts = Split(resource_name, '/');
  if (parts.size() != 6) return std::string(resource_name);
  return Cat(parts[5], " (organization ", parts[1], ", ", parts[3], ")");
}

std::string TypedWord(std::string_view enum_word) {
  std::string word = AsciiLower(enum_word);
  std::replace(word.begin(), word.end(), '_', '-');
  return word;
}

std::string EnumWord(std::string_view typed) {
  std::string word(typed);
  std::transform(word.begin(), word.end(), word.begin(), absl::ascii_toupper);
  std::replace(word.begin(), word.end(), '-', '_');
  return word;
}

}  // namespace penstock::cli
