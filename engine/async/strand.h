// SPDX-License-Identifier: Apache-2.0
// What runs one thing after the other, in the order given, on an executor that has many threads.
#pragma once

#include "engine/async/task.h"

namespace penstock::async {

// Boost.Asio's strand. Of a pool's executor (pool.h) its copies take no memory. Threads: any.
[[nodiscard]] Executor MakeStrand(const Executor& executor);

}  // namespace penstock::async
