// SPDX-License-Identifier: Apache-2.0
// The bounds of a hook's queue of async events and of its dead-letter list (H12).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/base/limits.h"
#include "engine/flow/hook.h"
#include "engine/ports/store.h"

namespace penstock::store {

struct AsyncBounds {
  std::size_t queue_max = limits::kAsyncQueueMax;
  std::size_t dead_letters_max = limits::kDeadLettersMax;
};

AsyncBounds BoundsOf(const flow::Hook& hook);

// Makes `event`, for which the queue has no room, a dead letter that says so; returns what its
// message's history says of that (A6).
flow::HistoryEntry SendToDeadLetters(const AsyncBounds& bounds, ports::AsyncEvent& event);

// Say in the log and the counters, once it is committed: event `id` found its queue full; event
// `id` was pushed out of the list.
void ReportQueueFull(std::string_view hook, std::int64_t id);
void ReportDroppedDeadLetter(std::string_view hook, std::int64_t id);

}  // namespace penstock::store
