// SPDX-License-Identifier: Apache-2.0
// Limits of the ways out; as in limits.h: value, unit, clause, what happens beyond.
#pragma once

#include <chrono>
#include <cstddef>

namespace penstock::limits {

inline constexpr std::size_t kReplyTextOctetsMax =
    4096;  // of the text of one reply of a next hop: a line beyond is read and left out
inline constexpr std::chrono::seconds kServerRest{
    30};  // of a server of several that cannot be reached: the others are taken first meanwhile

}  // namespace penstock::limits
