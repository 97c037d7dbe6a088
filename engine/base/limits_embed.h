// SPDX-License-Identifier: Apache-2.0
// Limits of what an embedding MTA uses (engine/embed), one line each, as in limits.h.
#pragma once

#include <chrono>
#include <cstddef>

namespace penstock::limits {

// clang-format off
inline constexpr std::chrono::milliseconds kHookTurnMin{1000};  // that a call may wait for its turn (H13) however soon its caller wants to be back: no attempt then
inline constexpr std::chrono::seconds kDecidePatience{20};  // of one Decide or Resume by default, as of a held reply (A7): "try again" then
inline constexpr std::chrono::hours kDecidePatienceMax{5};  // no rule timeout is longer than 4 h (R10): refused
inline constexpr std::size_t kDecisionsMax = 10'000;  // that an embedded engine works on at a time: RESOURCE_EXHAUSTED
inline constexpr std::chrono::milliseconds kDecideAgain{1000};  // from a Decide whose hook had no turn for it to the time to try again
inline constexpr std::size_t kResumeTokenOctetsMax = 16U << 20U;  // 1,000 recipients with a bounce text each take 5 MiB: the fallback for who is undecided; of a token that comes back: refused
inline constexpr std::size_t kResumeKeyOctetsMin = 32;  // as many as SHA-256 gives (RFC 2104 §3): refused
inline constexpr std::chrono::hours kReplacedContentKept{24};  // that content which came with a hook's answer stays for whoever has the token, at least, and as M5 says otherwise: DATA_LOSS
inline constexpr std::chrono::minutes kOwnDeliveryDeadline{10};  // of a delivery by the embedding program, as RFC 5321 §4.5.3.2.6 gives the final reply: tried again
inline constexpr std::size_t kOwnDeliveriesMax = 100;  // of the embedding program that run at a time: others wait their turn
inline constexpr std::chrono::seconds kEngineStopDeadline{20};  // of an engine that is destroyed, longer than one call of a hook (H2): its threads stay until the process ends
// clang-format on

}  // namespace penstock::limits
