// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/json_position.h"

#include <algorithm>

#include "engine/base/strings.h"

namespace penstock::wire {

std::string JsonPosition(std::string_view text, std::size_t octets_read) {
  const std::string_view before =
      text.substr(0, octets_read == 0 ? 0 : std::min(octets_read - 1, text.size()));
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return Cat("line ", lines + 1, ", column ", before.size() - line_start + 1);
}

}  // namespace penstock::wire
