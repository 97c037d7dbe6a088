// SPDX-License-Identifier: Apache-2.0
// The limits of `penstock hook check`, in the form of engine/base/limits.h.
#pragma once

#include <chrono>
#include <cstddef>

namespace penstock::limits {

using std::chrono::milliseconds;
using std::chrono::seconds;

// clang-format off
// Probing a hook without mail (P3, H13)
inline constexpr seconds kHookProbeDeadline{3};  // until a hook is reached, and for what it says of itself: it counts as not reachable
inline constexpr int kHookChecksTogether = 16;  // calls at a time, and calls that are cancelled
inline constexpr milliseconds kHookCheckCancelAfter{20};  // from sending a call that is to be cancelled
inline constexpr int kHookCheckHungMax = 2;  // checks in a row without an answer in time: the others are not tried
inline constexpr int kHookCheckSlowPart = 3;  // an answer that takes more than this part of the deadline is warned about
inline constexpr std::size_t kHookCheckFoundOctetsMax = 1'024;  // of what a hook says, in a report: cut
// clang-format on

}  // namespace penstock::limits
