// SPDX-License-Identifier: Apache-2.0
// Limits of trials: hooks called to see what they answer (R15). The form is that of limits.h.
#pragma once

#include <chrono>
#include <cstddef>

namespace penstock::limits {

// clang-format off
inline constexpr std::size_t kTrialsMax = 16;  // hooks that one test of the rules calls, R15: a test that would call more is refused
inline constexpr std::chrono::seconds kTrialTurnWait{15};  // of a trial for its turn at a hook, H13: refused then
inline constexpr std::chrono::seconds kTrialCallDeadline{45};  // of the command line's call that makes one SYNC trial: its turn, its 15 s, and some for the way; exit code 3
inline constexpr std::chrono::minutes kTrialCallDeadlineMax{20};  // the same where a trial may be ASYNC, which an operator may give 15 min
inline constexpr std::chrono::milliseconds kTrialGivenUpLook{200};  // between two looks whether whoever asked for a trial is still there
// clang-format on

}  // namespace penstock::limits
