// SPDX-License-Identifier: Apache-2.0
// Limits of hooks' SYNC deadlines, of what is counted of recent calls, and of who watches calls.
#pragma once

#include <chrono>
#include <cstddef>

namespace penstock::limits {

// clang-format off
inline constexpr std::chrono::milliseconds kSyncCallDeadlineMin{10};  // a shorter setting is refused
inline constexpr std::chrono::seconds kRecentCallsSlot{10};  // of the recent calls, what is forgotten at a time
inline constexpr std::size_t kRecentCallsSlots = 6;  // slots kept: "recent" is the last minute
inline constexpr std::size_t kTailWatchersMax = 16;  // TailInvocations calls at a time: one more is refused
inline constexpr std::size_t kTailLinesMax = 256;  // that wait for one watcher: further ones are left out and counted
inline constexpr std::size_t kTailRecipientsMax = 3;  // named of those that get the same: further ones are counted
inline constexpr std::size_t kTailDetailOctetsMax = 300;  // of what was wrong: cut there
// clang-format on

}  // namespace penstock::limits
