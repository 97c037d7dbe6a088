// SPDX-License-Identifier: Apache-2.0
// The log of the process, for the engine whose embedder wants it: the first of those that are open.
#pragma once

#include <memory>

#include "engine/embed/engine.h"

namespace penstock::embed {

class LogSubscription {
 public:
  using Function = decltype(EngineOptions::log);

  // `log` may be empty: nothing is heard then. Gets its lines on any thread, several at a time.
  explicit LogSubscription(Function log);

  LogSubscription(const LogSubscription&) = delete;
  LogSubscription& operator=(const LogSubscription&) = delete;

  // Waits for calls that run. Not from within one.
  ~LogSubscription();

 private:
  struct Subscriber;

  static void Tell(const std::shared_ptr<Subscriber>& subscriber, int severity,
                   std::string_view event, const EngineOptions::LogFields& fields);
  static void Install();

  std::shared_ptr<Subscriber> subscriber_;  // null: none
};

}  // namespace penstock::embed
