// SPDX-License-Identifier: Apache-2.0
// A second implementation of SPEC H6–H11, written from the clauses alone: slow, obvious, and with
// nothing of engine/ in it. The fast one must agree with it.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace penstock::tests {

struct ReferenceEntry {
  std::string type;
  std::optional<std::string> bounce_message;
  std::optional<std::vector<std::string>> recipients;  // nullopt: the list is not there
  bool all_recipients = false;
};

struct ReferenceInput {
  std::vector<std::string> recipients;
  std::vector<std::string> other_recipients;
  std::string fallback;  // "DROP"
  bool inbound = true;
  std::set<std::string> domains;  // of the organization
  bool strict = false;
  bool typed = false;
  std::vector<ReferenceEntry> actions;
};

struct ReferenceResult {
  // H6, H10: every field that makes the answer invalid; empty: it is valid.
  std::set<std::string> invalid_fields;
  // One line for each recipient: "BOUNCE:text NAMED", "DROP ALL_RECIPIENTS", "DEFAULT FALLBACK".
  std::vector<std::string> recipients;
  // One line for each addition: "as@written DEFAULT".
  std::vector<std::string> additions;
  // Which kinds of warnings there must be.
  std::set<std::string> warnings;
};

ReferenceResult ReferenceResolve(const ReferenceInput& input);

// Returns what two addresses are compared by (R3), or nullopt if `address` is none. Knows the
// quoted local parts and the one domain with a U-label of the generated cases, no others.
std::optional<std::string> ReferenceKey(const std::string& address);

}  // namespace penstock::tests
