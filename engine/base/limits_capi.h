// SPDX-License-Identifier: Apache-2.0
// The limits of content calls, in the form of engine/base/limits.h.
#pragma once

#include <chrono>
#include <cstddef>

namespace penstock::limits {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// clang-format off
// Capabilities (P2)
inline constexpr std::size_t kCapabilityOctetsMax = 512;  // of one, hook.proto: a longer one is no capability
inline constexpr hours kCapabilityKeyAge{24};  // of the key that signs: then a new one does
inline constexpr hours kCapabilityKeyKept{72};  // from its making: what it signed has expired, kContentRetention after kCapabilityKeyAge, and a day longer NOT_FOUND can be said (M3)

// Content calls (M1, M6)
inline constexpr std::size_t kContentPieceOctets = 64U << 10U;  // of one piece of a Get, message_flow.proto
inline constexpr std::size_t kContentPutPieceOctetsMax = 1U << 20U;  // of one piece of a Put, the same: INVALID_ARGUMENT; RESOURCE_EXHAUSTED where gRPC sees it first
inline constexpr std::size_t kContentPiecesAhead = 16;  // of one Get, read and not sent: reading waits
inline constexpr std::size_t kContentOctetsAhead = 1U << 20U;  // of one Put, received and not written, and again on the way, gRPC's window: receiving waits
inline constexpr seconds kContentPieceWait{30};  // for a client to take or send a piece: the call ends
inline constexpr std::size_t kContentStreamsOfHook = 32;  // at a time: further ones wait their turn
inline constexpr seconds kContentTurnWait{10};  // for that: RESOURCE_EXHAUSTED
inline constexpr std::size_t kContentThreads = 4;  // that read and write content for hooks
inline constexpr int kContentStreamsOfConnection = 100;  // gRPC holds further ones back
inline constexpr minutes kContentConnectionIdle{5};  // without a call: closed, gRPC connects again
inline constexpr seconds kContentStopDeadline{2};  // for content calls that run at a stop: cut off
// clang-format on

}  // namespace penstock::limits
