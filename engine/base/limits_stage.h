// SPDX-License-Identifier: Apache-2.0
// Limits of content that hooks read and replace; in the form of limits.h.
#pragma once

#include <chrono>
#include <cstddef>

namespace penstock::limits {

// clang-format off
inline constexpr std::size_t kReleaseBatch = 16;  // retained contents released at a time while the disk is short, M5: then the room is looked at again
inline constexpr std::chrono::seconds kRoomWait{30};  // for another that makes room on disk: refused then
inline constexpr std::size_t kExpiredBatch = 500;  // retained contents whose time is over, released in one transaction
inline constexpr std::size_t kContentScanSlice = 1U << 20U;  // octets of content read between two turns of others on the thread
// clang-format on

}  // namespace penstock::limits
