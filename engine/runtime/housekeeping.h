// SPDX-License-Identifier: Apache-2.0
// Takes closed messages off the record when they have been kept long enough (A6), and content that
// was retained for hooks when its time is over (M5).
#pragma once

#include <atomic>

#include "engine/async/task.h"
#include "engine/async/timer.h"
#include "engine/runtime/context.h"

namespace penstock::runtime {

// Threads: safe from any.
class Housekeeping {
 public:
  // `context` outlives it.
  Housekeeping(Context& context, Milliseconds history_retention);

  void Start();
  void Stop();

  void SetHistoryRetention(Milliseconds retention) { retention_ = retention; }

 private:
  static async::asio::awaitable<void> Purge(Housekeeping* housekeeping);
  async::Task<void> PurgeMessages();
  async::Task<void> ReleaseContent();
  void Arm();

  Context& context_;
  std::atomic<Milliseconds> retention_;
  async::Timer timer_;  // used on its own strand
};

}  // namespace penstock::runtime
