// SPDX-License-Identifier: Apache-2.0
// Octets written in JSON, where a plain string cannot hold them or would be too long to read:
//   "text"                       UTF-8 as it stands
//   {"hex": "00ff"}              any octets
//   {"repeat": X, "times": 9}    the octets X, nine times
//   [X, Y, …]                    one after the other
#pragma once

#include <stdexcept>
#include <string>

#include "tests/support/vectors.h"

namespace penstock::tests {

inline std::string Octets(const Json& json) {
  if (json.is_string()) return json.get<std::string>();
  std::string out;
  if (json.is_array()) {
    for (const Json& piece : json)
      out += Octets(piece);
    return out;
  }
  if (json.contains("hex")) {
    const std::string hex = json.at("hex");
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
      out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    return out;
  }
  if (!json.contains("repeat")) throw std::runtime_error("no octets: " + json.dump());
  const std::string once = Octets(json.at("repeat"));
  for (int i = json.at("times"); i > 0; --i)
    out += once;
  return out;
}

}  // namespace penstock::tests
