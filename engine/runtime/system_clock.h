// SPDX-License-Identifier: Apache-2.0
// The real time and the kernel's random numbers.
#pragma once

#include "engine/ports/clock.h"

namespace penstock::runtime {

class SystemClock final : public ports::Clock {
 public:
  [[nodiscard]] Time Now() const override;
};

class SystemRandom final : public ports::Random {
 public:
  [[nodiscard]] RandomBytes Bytes() override;
  [[nodiscard]] double Chance() override;
};

}  // namespace penstock::runtime
