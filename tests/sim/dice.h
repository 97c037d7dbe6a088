// SPDX-License-Identifier: Apache-2.0
// Everything that is left to chance in a simulation: the same seed throws the same dice everywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/time.h"
#include "engine/ports/clock.h"

namespace penstock::sim {

// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to choose schedules.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}

  // Dice of their own for one part, so that what the others throw does not change its luck.
  [[nodiscard]] Dice Fork(std::uint64_t part) const {
    Dice fork(state_ ^ (part * 0xd1342543de82ef95U));
    fork.Next();
    return fork;
  }

  std::uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
    return mixed ^ (mixed >> 31U);
  }

  // Less than `count`, which is not 0.
  std::size_t Below(std::size_t count) { return static_cast<std::size_t>(Next() % count); }

  double Part() { return static_cast<double>(Next() >> 11U) * 0x1.0p-53; }  // in [0, 1)

  bool Chance(double chance) { return Part() < chance; }

  Milliseconds Between(Milliseconds least, Milliseconds most) {
    const auto span = static_cast<std::size_t>((most - least).count() + 1);
    return least + Milliseconds(static_cast<std::int64_t>(Below(span)));
  }

  template <class T>
  const T& Pick(const std::vector<T>& from) {
    return from[Below(from.size())];
  }

 private:
  std::uint64_t state_;
};

class SimRandom final : public ports::Random {
 public:
  explicit SimRandom(Dice dice) : dice_(dice) {}

  RandomBytes Bytes() override {
    RandomBytes bytes{};
    for (std::uint8_t& byte : bytes)
      byte = static_cast<std::uint8_t>(dice_.Next());
    return bytes;
  }

  double Chance() override { return dice_.Part(); }

 private:
  Dice dice_;
};

}  // namespace penstock::sim
