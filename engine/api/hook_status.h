// SPDX-License-Identifier: Apache-2.0
// How hooks fare, as `penstock status` and `penstock hook list` show it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/api/admin_context.h"
#include "engine/ports/store.h"

#include "penstock/v1/status.pb.h"

namespace penstock::api {

// The async queues of those hooks that have one, by their ids.
using AsyncQueues = std::map<std::string, ports::AsyncQueueCounts>;
AsyncQueues ByHook(const std::vector<ports::AsyncQueueCounts>& queues);

// The hook `id` at this instant, also one that is registered no more.
v1::HookStatus HookStatusOf(const AdminContext& admin, const std::string& id,
                            const AsyncQueues& queues);

}  // namespace penstock::api
