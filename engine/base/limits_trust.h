// SPDX-License-Identifier: Apache-2.0
// Limits of transport security and of the process's rights, beside engine/base/limits.h.
#pragma once

#include <chrono>
#include <cstddef>

namespace penstock::limits {

// clang-format off
inline constexpr std::size_t kTlsFileOctetsMax = 4 * 1024 * 1024;  // of a PEM file; a bundle of all public authorities has 220 KiB: refused
inline constexpr std::chrono::hours kCertificateExpiryWarn{14 * 24};  // left to a certificate: warned about
inline constexpr std::chrono::seconds kTlsProbeTime{3};  // for finding out why a hook, or the daemon, cannot be reached: gRPC's own words then
inline constexpr std::chrono::seconds kTlsProbeEvery{1};  // at most, for each hook: what was found out counts so long
inline constexpr std::chrono::seconds kTlsHandshakeTime{30};  // of an SMTP connection: it is closed
// clang-format on

}  // namespace penstock::limits
