// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/unix_target.h"

#include "engine/base/strings.h"

namespace penstock::wire {

std::string UnixTarget(std::string_view path) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string target = "unix:";
  for (const char c : path) {
    // RFC 3986 §2.3, and the slash.
    if (IsAsciiAlpha(c) || IsAsciiDigit(c) ||
        std::string_view("-._~/").find(c) != std::string::npos) {
      target += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    Append(target, "%", kHex.substr(byte >> 4U, 1), kHex.substr(byte & 15U, 1));
  }
  return target;
}

}  // namespace penstock::wire
