// SPDX-License-Identifier: Apache-2.0
// What administrators set up, one piece of it.
#pragma once

#include <variant>

#include "engine/flow/hook.h"
#include "engine/rules/flow_rule.h"
#include "engine/rules/organization.h"

namespace penstock::flow {

using Resource = std::variant<rules::Organization, Hook, rules::FlowRule>;

}  // namespace penstock::flow
