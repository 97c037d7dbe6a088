// SPDX-License-Identifier: Apache-2.0
// Limits of a message's way, to be read with limits.h.
#pragma once

#include <cstddef>

namespace penstock::limits {

// clang-format off
inline constexpr std::size_t kRecentContentOctetsMax = 8U << 20U;  // of contents that the store has in memory as well: older ones are read from disk
inline constexpr int kFreedMemoryKeptOctets = 1 << 20;  // by each of the allocator's arenas: the system has back what is free beyond
// clang-format on

}  // namespace penstock::limits
