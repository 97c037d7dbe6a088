// SPDX-License-Identifier: Apache-2.0
// One line of a message's history (A6): what happened, when, to whom, why. Written in the commit
// that made it true; `message show` prints it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.h"

namespace penstock::flow {

enum class HistoryKind : std::uint8_t {
  kAccepted,          // detail: client and size
  kRuleSelected,      // recipients, rule, action; detail: why it won
  kAsyncQueued,       // rule, hook
  kHookAttempt,       // rule, hook, attempt, duration, code ("OK" or the failure), detail: error
  kRetryScheduled,    // rule, hook, attempt (the coming one), detail: when
  kFallbackApplied,   // rule, hook, recipients, action; detail: why
  kWarning,           // detail: what about the answer was odd (H6–H11)
  kOutcome,           // recipients, action; detail: bounce text or gateway
  kRecipientAdded,    // recipients, rule, hook
  kDeliveryAttempt,   // next_hop, attempt, duration, recipients, code ("delivered", "deferred",
                      // "failed"), detail: reply
  kBounceSent,        // recipients; detail: id of the DSN's message
  kBounceSuppressed,  // recipients; detail: why (A3)
  kAsyncAttempt,      // hook, attempt, duration, code, detail
  kAsyncDeadLetter,   // rule, hook; detail: last error
  kAsyncRedriven,     // rule, hook; detail: who (H12)
  kRetryRequested,    // rule and hook, or next_hop; detail: who
  kCancelled,         // recipients, action; detail: who
  kClosed,
};

struct HistoryEntry {
  Time time = {};
  HistoryKind kind = HistoryKind::kAccepted;
  std::vector<std::string> recipients = {};
  std::string rule = {};
  std::string hook = {};
  std::string next_hop = {};
  std::string action = {};    // "BOUNCE" and the like
  std::uint32_t attempt = 0;  // from 1
  Milliseconds duration{0};
  std::string code = {};
  std::string detail = {};       // a sentence; no content, no secret
  std::string answer_json = {};  // kHookAttempt that succeeded: the answer, compact JSON
  friend bool operator==(const HistoryEntry&, const HistoryEntry&) = default;
};

std::string_view Name(HistoryKind kind);

// How a hook's attempt ended, as it is told: its code, or "INVALID_ANSWER" for an answer that was
// read and that H6 refuses.
std::string AttemptCode(const HistoryEntry& entry);

}  // namespace penstock::flow
