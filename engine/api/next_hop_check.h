// SPDX-License-Identifier: Apache-2.0
// Whether the next hops that rules name are configured: mail for one that is not would be held
// until it expires (R8).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/api/admin_context.h"
#include "engine/rules/flow_rule.h"

namespace penstock::api {

// The next hops of one instant.
class NextHopCheck {
 public:
  explicit NextHopCheck(const AdminContext& admin);

  // Returns "" if the rule names none, or one that is there; else the fault, its field first:
  // `verdict.gateway: …`.
  [[nodiscard]] std::string FaultOf(const rules::FlowRule& rule) const;

 private:
  std::optional<std::vector<std::string>> names_;  // unset: any may be named
};

}  // namespace penstock::api
