// SPDX-License-Identifier: Apache-2.0
// Limits of the ways that must be fast.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace penstock::limits {

// clang-format off
inline constexpr std::size_t kGuestFunctionsMax = 16;  // posted while a gRPC thread runs a callback, and run by it: the pool runs the rest
inline constexpr std::uint64_t kHookStreamCallsMax = 100'000;  // on one stream: the next calls go to another, and with it perhaps to another endpoint (H13)
inline constexpr std::chrono::seconds kHookStreamAgeMax{60};  // the same
inline constexpr std::chrono::seconds kHookStreamEndMax{15};  // for a hook to end its side once it has no calls: the stream is cancelled
// clang-format on

}  // namespace penstock::limits
