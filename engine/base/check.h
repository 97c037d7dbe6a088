// SPDX-License-Identifier: Apache-2.0
// PENSTOCK_CHECK(condition): our own mistake ends the process, in release builds as well. What the
// outside world can cause is a Status or a value, never a failed check.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace penstock {

[[noreturn]] inline void CheckFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace penstock

#define PENSTOCK_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::penstock::CheckFailed(#condition, __FILE__, __LINE__))
