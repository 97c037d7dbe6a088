// SPDX-License-Identifier: Apache-2.0
// For commands that watch until somebody has seen enough: SIGINT or SIGTERM comes, or nobody reads
// standard output any more (`| head`).
#pragma once

#include <functional>
#include <thread>

#include <signal.h>

namespace penstock::cli {

// While it lives, the two signals do not end the process, unless they were ignored. One at a time.
class Interruption {
 public:
  // `end` is called at most once, from a thread of its own, and not after ~Interruption.
  explicit Interruption(std::function<void()> end);
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;
  ~Interruption();

 private:
  void Wait();

  std::function<void()> end_;

  struct sigaction interrupt_before_ {};

  struct sigaction terminate_before_ {};

  int done_ = -1;  // an eventfd
  std::thread thread_;
};

}  // namespace penstock::cli
