// SPDX-License-Identifier: Apache-2.0
#include "tests/support/vectors.h"

#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>

namespace penstock::tests {
namespace {

Vector ReadVector(const Json& entry, const std::string& where) {
  static const std::set<std::string> kKeys = {"name", "clause", "basis", "input", "want", "note"};
  static const std::set<std::string> kBases = {"documented", "observed", "inferred",
                                               "project-choice"};
  for (const auto& [key, value] : entry.items()) {
    if (!kKeys.contains(key)) throw std::runtime_error(where + ": unknown key " + key);
  }
  for (const char* key : {"name", "clause", "basis", "input", "want"}) {
    if (!entry.contains(key)) throw std::runtime_error(where + ": no " + key);
  }
  Vector vector{entry.at("name"), {}, entry.at("basis"), entry.at("input"), entry.at("want")};
  const Json& clause = entry.at("clause");
  if (clause.is_array()) {
    for (const auto& one : clause)
      vector.clauses.push_back(one);
  } else {
    vector.clauses.push_back(clause);
  }
  if (vector.clauses.empty()) throw std::runtime_error(where + ": no clause");
  if (!kBases.contains(vector.basis)) throw std::runtime_error(where + ": basis " + vector.basis);
  return vector;
}

}  // namespace

std::string LoadData(std::string_view path) {
  const std::string name = std::string(PENSTOCK_TEST_DATA) + "/" + std::string(path);
  std::ifstream file(name, std::ios::binary);
  if (!file) throw std::runtime_error(name + ": cannot be read");
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<Vector> LoadVectors(std::string_view path) {
  const Json document = Json::parse(LoadData(path));
  if (!document.is_array() || document.empty()) {
    throw std::runtime_error(std::string(path) + ": no vectors");
  }
  std::vector<Vector> vectors;
  std::set<std::string> names;
  for (const Json& entry : document) {
    const std::string where = std::string(path) + "[" + std::to_string(vectors.size()) + "]";
    vectors.push_back(ReadVector(entry, where));
    if (!names.insert(vectors.back().name).second) {
      throw std::runtime_error(where + ": repeated name " + vectors.back().name);
    }
  }
  return vectors;
}

}  // namespace penstock::tests
