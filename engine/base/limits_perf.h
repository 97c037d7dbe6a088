// SPDX-License-Identifier: Apache-2.0
// Limits that stand apart from limits.h for now; written like those.
#pragma once

#include <cstddef>

namespace penstock::limits {

// clang-format off
inline constexpr std::size_t kInlineOctetsMax = 16'384;  // content: longer ones go to segments (engine/store/FORMAT.md)
// clang-format on

}  // namespace penstock::limits
