// SPDX-License-Identifier: Apache-2.0
// What is odd about everything that is set up, though each piece of it is valid.
#pragma once

#include <vector>

#include "engine/flow/directory.h"
#include "engine/rules/lint.h"

namespace penstock::flow {

// What rules::Lint finds in all rules, then the hooks that no rule names.
std::vector<rules::LintFinding> Lint(const Directory& directory);

}  // namespace penstock::flow
