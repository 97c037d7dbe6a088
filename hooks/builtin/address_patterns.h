// SPDX-License-Identifier: Apache-2.0
// A list of patterns of addresses (SPEC R2), asked about one address at a time.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>

#include "engine/base/status.h"
#include "engine/rules/pattern.h"

#include "penstock/v1/hook.pb.h"

namespace penstock::builtin {

class AddressPatterns {
 public:
  void Add(const rules::Pattern& pattern);

  [[nodiscard]] bool empty() const { return !any_ && keys_.empty(); }

  // Compared as in R3; an empty address is matched by "*" alone.
  [[nodiscard]] bool Match(std::string_view address) const;

  // Whether From and, where there is one, Sender match.
  [[nodiscard]] bool MatchSender(const v1::Event& event) const;

 private:
  bool any_ = false;
  std::unordered_set<std::string> keys_;  // "a@b" of an address, "b" of a domain, "*.b"
};

}  // namespace penstock::builtin
