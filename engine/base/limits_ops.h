// SPDX-License-Identifier: Apache-2.0
// Limits of operations: dead letters, interventions, what may be in flight.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace penstock::limits {

// clang-format off
inline constexpr std::size_t kRedriveBatch = 100;  // dead letters of one RedriveDeadLetters call: more are refused, or go on in the next
inline constexpr int kRedriveTriesMax = 3;  // of a batch, of which the list's bound drops one meanwhile: then ABORTED
inline constexpr std::size_t kInterventionsMax = 100;  // of administrators, retries and cancels, at a time: further ones are refused
inline constexpr std::size_t kMessagesLookedAtMax = 5000;  // of one ListMessages call, for those of one hook: the page ends there
inline constexpr std::size_t kOpenMessagesMax = 1'000'000;  // not closed: MAIL is answered 451 4.3.2
inline constexpr std::uint64_t kIncomingOctetsMax = 1ULL << 30U;  // of messages coming in at a time, over all connections: 452 4.3.1
inline constexpr std::size_t kConnectionsPerClientMax = 100;  // of one address that is not trusted, a listener: 421 4.7.0
inline constexpr std::chrono::milliseconds kAsyncStopGrace{2000};  // of ASYNC calls that run when the daemon stops: then cancelled, to come again
inline constexpr std::chrono::seconds kOutlierInterval{10};  // H13: between two looks at how a hook's endpoints have fared
inline constexpr std::chrono::seconds kOutlierEjection{30};  // H13: an endpoint whose calls have all failed gets none for so long; longer each further time
inline constexpr int kOutlierEjectedPercentMax = 50;  // H13: of a hook's endpoints: further ones go on getting calls
inline constexpr int kOutlierCallsMin = 5;  // H13: of an endpoint in an interval; on fewer it is not judged
inline constexpr std::chrono::milliseconds kClockJump{5000};  // H3: of the wall clock; a larger one is not followed while something waits
// clang-format on

}  // namespace penstock::limits
