// SPDX-License-Identifier: Apache-2.0
// For tests that hold hostile input to linear time: what this process used, whatever else runs.
#pragma once

#include <ctime>

namespace penstock::tests {

inline double CpuSeconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

}  // namespace penstock::tests
