// SPDX-License-Identifier: Apache-2.0
// Limits of the milter front door and of held replies; one line each, as in limits.h.
#pragma once

#include <chrono>
#include <cstddef>

namespace penstock::limits {

// clang-format off
inline constexpr std::size_t kMilterFrameOctetsMax = 1U << 20U;  // of one frame, its command counted: a body chunk has 65,535, a header field may be longer; the connection is closed
inline constexpr std::size_t kMilterMacrosMax = 64;  // of one stage: the connection is closed
inline constexpr std::size_t kMilterMacroOctetsMax = 16U << 10U;  // names and values of one stage: the connection is closed
inline constexpr std::size_t kMilterArgumentsMax = 64;  // of one MAIL or RCPT: the connection is closed
inline constexpr std::size_t kMilterSpellingsMax = 100;  // RCPTs of one recipient, each of which has to be deleted by itself: a further one gets 452 4.5.3
inline constexpr std::size_t kMilterReplyOctetsMax = 980;  // of the text of a reply: Sendmail takes a line of at most 980; cut there
inline constexpr std::chrono::minutes kMilterEventTimeout{30};  // of waiting for an MTA's next event: its SMTP client may take the times of RFC 5321 §4.5.3.2, and Postfix keeps a connection while a session is open; closed then
inline constexpr std::chrono::seconds kMilterProgress{10};  // between two signs of life while a reply is held: Postfix waits for 300 s, Sendmail for 10 s where it is told so
inline constexpr std::chrono::seconds kMilterHold{20};  // that a milter listener holds its reply by default, A7: one attempt of a hook has 15 s (H2); our queue, or the fallback then
inline constexpr std::chrono::seconds kHoldMax{240};  // that a listener may be configured to hold its reply, A7: Postfix gives up a milter after 300 s; refused
inline constexpr std::size_t kHeldMax = 500;  // messages whose replies are held at a time, A7: a further one is answered as past its hold
// clang-format on

}  // namespace penstock::limits
