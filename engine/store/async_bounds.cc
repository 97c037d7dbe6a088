// SPDX-License-Identifier: Apache-2.0
#include "engine/store/async_bounds.h"

#include <string>

#include "engine/base/log.h"
#include "engine/base/metrics.h"
#include "engine/base/strings.h"

namespace penstock::store {

AsyncBounds BoundsOf(const flow::Hook& hook) {
  return {hook.async_queue_max, hook.dead_letters_max};
}

flow::HistoryEntry SendToDeadLetters(const AsyncBounds& bounds, ports::AsyncEvent& event) {
  event.dead = true;
  event.last_error = Cat("queue of hook ", event.hook, ": full (", bounds.queue_max, " events)");
  flow::HistoryEntry entry{.time = event.next_attempt, .kind = flow::HistoryKind::kAsyncDeadLetter};
  entry.rule = event.rule;
  entry.hook = event.hook;
  entry.detail = event.last_error;
  return entry;
}

void ReportQueueFull(std::string_view hook, std::int64_t id) {
  Count(metrics::kDeadLetters, {{"hook", hook}});
  Log(LogLevel::kError, "async_queue_full",
      {{"hook", std::string(hook)}, {"event", std::to_string(id)}});
}

void ReportDroppedDeadLetter(std::string_view hook, std::int64_t id) {
  Count(metrics::kDeadLettersDropped, {{"hook", hook}});
  Log(LogLevel::kError, "dead_letter_dropped",
      {{"hook", std::string(hook)}, {"event", std::to_string(id)}});
}

}  // namespace penstock::store
