// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace penstock::limits {

// clang-format off
inline constexpr std::size_t kMaildirsSettledMax = 10'000;  // Maildirs of a next hop known to be durable: beyond it all are synced once more
// clang-format on

}  // namespace penstock::limits
