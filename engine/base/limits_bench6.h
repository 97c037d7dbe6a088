// SPDX-License-Identifier: Apache-2.0
// Limits of the store's writer.
#pragma once

#include <chrono>

namespace penstock::limits {

// clang-format off
inline constexpr std::chrono::milliseconds kCommitPatience{2};  // that the record of a message's end waits for another commit to go with: goes alone
// clang-format on

}  // namespace penstock::limits
