// SPDX-License-Identifier: Apache-2.0
// Wall-clock time as the engine counts it: milliseconds since 1970, UTC. Whoever needs the time
// asks a ports::Clock; nothing else reads a clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace penstock {

using Milliseconds = std::chrono::milliseconds;
using Time = std::chrono::sys_time<Milliseconds>;

inline std::int64_t ToUnixMillis(Time time) {
  return time.time_since_epoch().count();
}

inline Time FromUnixMillis(std::int64_t millis) {
  return Time(Milliseconds(millis));
}

// Returns "2026-11-21T19:48:00.123Z" (RFC 3339 §5.6).
std::string FormatRfc3339(Time time);

// Returns "Sat, 21 Nov 2026 19:48:00 +0000" (RFC 5322 §3.3).
std::string FormatRfc5322(Time time);

// Returns "1.5s", "2m", "500ms": for tables and logs.
std::string FormatDuration(Milliseconds duration);

}  // namespace penstock
