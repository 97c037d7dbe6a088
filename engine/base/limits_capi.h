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
// clang-format on

}  // namespace penstock::limits
