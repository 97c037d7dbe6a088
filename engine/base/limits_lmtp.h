// SPDX-License-Identifier: Apache-2.0
// Limits of the LMTP front door; one line each, as in limits.h.
#pragma once

#include <chrono>
#include <cstddef>

namespace penstock::limits {

// clang-format off
inline constexpr std::size_t kLmtpRepliesMax = 100'000;  // RCPTs taken in a transaction, repeated ones counted, since each has a reply to the content (RFC 2033 §4.2): a further one gets 452 4.5.3
inline constexpr std::chrono::seconds kLmtpHold{20};  // that an LMTP listener holds its replies by default, A7: one attempt of a hook has 15 s (H2); our queue then
// clang-format on

}  // namespace penstock::limits
