// SPDX-License-Identifier: Apache-2.0
// What is odd about everything that is set up, though each piece of it is valid.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/base/time.h"
#include "engine/flow/directory.h"
#include "engine/rules/lint.h"

namespace penstock::flow {

// A milter listener without a way back to its MTA for mail of a direction: when its hold ends, what
// hooks have not decided gets its rule's fallback (A7).
struct OneWayMilter {
  std::string listener;
  rules::FlowDirection direction = rules::FlowDirection::kInbound;
  Milliseconds hold{0};
};

// What rules::Lint finds in all rules, then SYNC rules that one of `milters` cuts short, then the
// hooks that no rule names.
std::vector<rules::LintFinding> Lint(const Directory& directory,
                                     std::span<const OneWayMilter> milters = {});

}  // namespace penstock::flow
