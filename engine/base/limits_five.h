// SPDX-License-Identifier: Apache-2.0
// Limits of content that hooks put, and of what a listener tells of those it refuses; see
// engine/base/limits.h.
#pragma once

#include <chrono>
#include <cstddef>

namespace penstock::limits {

// clang-format off
inline constexpr std::size_t kContentPieceOverhead = 512;  // octets that a piece of a Put takes beside its own: kContentOctetsAhead counts both
inline constexpr std::size_t kContentGrpcOctetsMax = 256U << 20U;  // of what gRPC holds for all content calls: it ends some of them, RESOURCE_EXHAUSTED
inline constexpr std::chrono::seconds kTlsRefusalLogEvery{1};  // for one line of a TLS handshake of gRPC's that failed: further ones are counted in the next
// clang-format on

}  // namespace penstock::limits
