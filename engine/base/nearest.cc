// SPDX-License-Identifier: Apache-2.0
#include "engine/base/nearest.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "engine/base/strings.h"

namespace penstock {
namespace {

constexpr std::size_t kEditsMax = 3;
constexpr std::size_t kTextOctetsMax = 100;  // no known word is longer

// Optimal string alignment distance; three rows of the table at a time.
std::size_t Distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j)
    above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + change});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

}  // namespace

std::optional<std::string> NearestWord(std::string_view text, std::span<const std::string> words) {
  if (text.empty() || text.size() > kTextOctetsMax) return std::nullopt;
  const std::string given = AsciiLower(text);
  std::optional<std::string> nearest;
  std::size_t fewest = kEditsMax + 1;
  for (const std::string& word : words) {
    const std::size_t edits = Distance(given, AsciiLower(word));
    if (edits >= fewest || edits * 3 > word.size()) continue;
    fewest = edits;
    nearest = word;
  }
  return nearest;
}

}  // namespace penstock
