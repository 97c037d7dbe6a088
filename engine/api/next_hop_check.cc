// SPDX-License-Identifier: Apache-2.0
#include "engine/api/next_hop_check.h"

#include <algorithm>

#include "engine/base/strings.h"

namespace penstock::api {

NextHopCheck::NextHopCheck(const AdminContext& admin) {
  if (admin.next_hop_names) names_ = admin.next_hop_names();
}

std::string NextHopCheck::FaultOf(const rules::FlowRule& rule) const {
  const std::string& gateway =
      rule.run_hook ? rule.run_hook->fallback.gateway : rule.verdict.gateway;
  if (!names_ || gateway.empty()) return {};
  if (std::find(names_->begin(), names_->end(), gateway) != names_->end()) return {};
  return Cat(rule.run_hook ? "run_hook.fallback.gateway" : "verdict.gateway",
             ": there is no next hop \"", gateway, "\" in the configuration; there is ",
             Join(*names_, ", "), "; or add it to next_hops and reload penstockd first");
}

}  // namespace penstock::api
