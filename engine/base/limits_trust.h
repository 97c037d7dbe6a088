// SPDX-License-Identifier: Apache-2.0
// Limits of transport security and of the process's rights, beside engine/base/limits.h.
#pragma once

#include <chrono>
#include <cstddef>

namespace penstock::limits {

// clang-format off
inline constexpr std::size_t kTlsFileOctetsMax = 4 * 1024 * 1024;  // of a PEM file; a bundle of all public authorities has 220 KiB: refused
inline constexpr std::chrono::hours kCertificateExpiryWarn{14 * 24};  // left to a certificate: warned about
// clang-format on

}  // namespace penstock::limits
