// SPDX-License-Identifier: Apache-2.0
// The threads on which gRPC's callback API calls back. gRPC 1.51 joins them when the last channel
// or server that uses them is gone, and where one of those threads lets go of it, joins itself and
// aborts. What a coroutine that goes on there owns (grpc_call.h) may be the last.
#pragma once

namespace penstock::async {

// Keeps them until the process ends. To be called before calls are made by the callback API; again
// and again is fine. Threads: safe from any.
void KeepGrpcThreads();

}  // namespace penstock::async
