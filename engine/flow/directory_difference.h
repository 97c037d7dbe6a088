// SPDX-License-Identifier: Apache-2.0
// What is different between two Directories, resource by resource.
#pragma once

#include <optional>
#include <vector>

#include "engine/flow/directory.h"
#include "engine/flow/resource.h"

namespace penstock::flow {

// One of `before` and `after` is set, or both and they are not equal.
struct ResourceDifference {
  std::optional<Resource> before;  // unset: created
  std::optional<Resource> after;   // unset: removed
};

// Organizations, then hooks, then rules by organization and direction; each in byte order of
// names. Spelling and order of an organization's domains make no difference.
std::vector<ResourceDifference> Difference(const Directory& before, const Directory& after);

}  // namespace penstock::flow
