// SPDX-License-Identifier: Apache-2.0
// Test vectors: tests/data/<folder>/<subject>.json is an array of
//   {"name": …, "clause": …, "basis": …, "input": …, "want": …[, "note": …]}
// `clause` is one SPEC clause or RFC section, or an array of them; `basis` is one of documented,
// observed, inferred, project-choice. An empty file, an unknown or missing key and a repeated name
// end the test run: a vector that is not run is worse than none.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace penstock::tests {

using Json = nlohmann::ordered_json;

struct Vector {
  std::string name;
  std::vector<std::string> clauses;
  std::string basis;
  Json input;
  Json want;
};

// Reads tests/data/`path`; throws std::runtime_error, naming file and entry, on any fault.
std::vector<Vector> LoadVectors(std::string_view path);

// Reads a whole file below tests/data as bytes; throws if it is not there.
std::string LoadData(std::string_view path);

}  // namespace penstock::tests
