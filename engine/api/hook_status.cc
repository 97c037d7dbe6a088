// SPDX-License-Identifier: Apache-2.0
#include "engine/api/hook_status.h"

#include <chrono>

#include "engine/base/utf8.h"
#include "engine/wire/proto_time.h"

namespace penstock::api {
namespace {

using runtime::CallFigures;
using runtime::RecentFigures;

v1::HookStatus::State ToProto(ports::HookState state) {
  switch (state) {
    case ports::HookState::kUncalled:
      return v1::HookStatus::UNSPECIFIED;
    case ports::HookState::kIdle:
      return v1::HookStatus::IDLE;
    case ports::HookState::kConnecting:
      return v1::HookStatus::CONNECTING;
    case ports::HookState::kUp:
      return v1::HookStatus::UP;
    case ports::HookState::kDown:
      return v1::HookStatus::DOWN;
  }
  return v1::HookStatus::UNSPECIFIED;
}

void AddQueue(const ports::AsyncQueueCounts& queue, v1::HookStatus& status) {
  status.set_async_queue_count(static_cast<std::int64_t>(queue.queued));
  status.set_dead_letter_count(static_cast<std::int64_t>(queue.dead));
  status.set_dropped_count(static_cast<std::int64_t>(queue.dropped));
}

void AddCalls(const CallFigures& figures, v1::HookStatus& status) {
  status.set_running_call_count(figures.running);
  status.set_waiting_call_count(figures.waiting);
  status.set_success_count(static_cast<std::int64_t>(figures.succeeded));
  status.set_failure_count(static_cast<std::int64_t>(figures.failed));
  if (figures.last_error.empty()) return;
  status.set_last_error(ToValidUtf8(figures.last_error));
  *status.mutable_last_error_time() = wire::ToProto(figures.last_error_time);
}

void AddRecent(const RecentFigures& recent, v1::HookStatus& status) {
  const auto duration = [](Milliseconds value) {
    return wire::ToProto(std::chrono::nanoseconds(value));
  };
  *status.mutable_recent_duration() = duration(recent.interval);
  status.set_recent_call_count(static_cast<std::int64_t>(recent.ended));
  status.set_recent_failure_count(static_cast<std::int64_t>(recent.failed));
  if (recent.p50) *status.mutable_p50_duration() = duration(*recent.p50);
  if (recent.p99) *status.mutable_p99_duration() = duration(*recent.p99);
}

}  // namespace

AsyncQueues ByHook(const std::vector<ports::AsyncQueueCounts>& queues) {
  AsyncQueues by_hook;
  for (const ports::AsyncQueueCounts& queue : queues)
    by_hook[queue.hook] = queue;
  return by_hook;
}

v1::HookStatus HookStatusOf(const AdminContext& admin, const std::string& id,
                            const AsyncQueues& queues) {
  v1::HookStatus status;
  status.set_hook(id);
  const auto hook = admin.directory.Current()->FindHook(id);
  if (hook != nullptr) status.set_state(ToProto(admin.hooks.StateOf(*hook)));
  if (const auto queue = queues.find(id); queue != queues.end()) AddQueue(queue->second, status);
  AddCalls(admin.hooks.figures().Of(id), status);
  AddRecent(admin.hooks.figures().Recent(id, admin.clock.Now()), status);
  return status;
}

}  // namespace penstock::api
