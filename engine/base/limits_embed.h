// SPDX-License-Identifier: Apache-2.0
// Limits of the engine within another program; beyond each: what its comment says.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace penstock::limits {

// clang-format off
inline constexpr std::size_t kEngineThreadsMax = 1'024;  // that an embedder may ask for: refused
inline constexpr std::chrono::hours kEngineExpiryMax{365 * 24};  // of mail that an embedder gives away (A8): refused
inline constexpr std::chrono::hours kEngineStopMax{24};  // of one wait for an engine's end: cut there
inline constexpr std::uint64_t kGivenContentOctetsMax = 1ULL << 32U;  // of octets that a C program hands in as one: refused, whatever its engine takes
inline constexpr std::size_t kLogLineOctetsMax = 4'096;  // of a field in a line of the log for C: cut there
// clang-format on

}  // namespace penstock::limits
