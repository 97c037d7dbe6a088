// SPDX-License-Identifier: Apache-2.0
// Limits of DSN parameters, XFORWARD and next hops.
#pragma once

#include <cstddef>

namespace penstock::limits {

// clang-format off
inline constexpr std::size_t kEnvelopeIdOctetsMax = 100;  // of ENVID's value, RFC 3461 §4.4: more is 501 5.5.4
inline constexpr std::size_t kOriginalRecipientOctetsMax = 500;  // of ORCPT's value, RFC 3461 §4.2: more is 501 5.5.4
inline constexpr std::size_t kDsnContentOctetsMax = 65'536;  // of a message that a DSN carries whole (RET=FULL), RFC 3461 §6.2: of a longer one the header section alone
inline constexpr std::size_t kForwardLineOctetsMax = 510;  // of XFORWARD to a next hop, RFC 5321 §4.5.3.1.4: more attributes go in the next
inline constexpr std::size_t kForwardedOctetsMax = 255;  // of an attribute of XFORWARD, as in Postfix: a longer one is 501 5.5.4
inline constexpr std::size_t kPasswordOctetsMax = 255;  // for AUTH at a next hop, RFC 4616 §2 names none: --check-config refuses
inline constexpr int kFallbackServersMax = 16;  // of a next hop: --check-config refuses
// clang-format on

}  // namespace penstock::limits
