// SPDX-License-Identifier: Apache-2.0
// Time and chance, as the engine may ask for them. Fakes: tests/support/fake_clock.h.
#pragma once

#include "engine/base/ids.h"
#include "engine/base/time.h"

namespace penstock::ports {

// Threads: safe from any.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Time Now() const = 0;
};

// Threads: safe from any. Bytes() is fit for names that nobody may guess.
class Random {
 public:
  virtual ~Random() = default;
  [[nodiscard]] virtual RandomBytes Bytes() = 0;
  [[nodiscard]] virtual double Chance() = 0;  // in [0, 1)
};

}  // namespace penstock::ports
