// SPDX-License-Identifier: Apache-2.0
// penstock.v1.MessageFlowService: hooks read and replace the content of the message they are asked
// about (SPEC M1–M6). Each call carries a capability (P2); it is judged, and the hook's permission
// looked up (P1), before anything else, and what is refused is refused in one and the same words.
#pragma once

#include <memory>

#include <grpcpp/impl/codegen/service_type.h>

#include "engine/async/spawn.h"
#include "engine/async/task.h"
#include "engine/ports/clock.h"
#include "engine/runtime/capability_keeper.h"
#include "engine/runtime/content_desk.h"
#include "engine/runtime/directory_keeper.h"

namespace penstock::api {

// What content calls work with. All of it outlives the service.
struct ContentContext {
  const runtime::DirectoryKeeper& directory;
  const runtime::CapabilityKeeper& capabilities;
  runtime::ContentDesk& desk;
  const ports::Clock& clock;
  async::Executor executor;  // of threads that may block on a disk
  async::TaskGroup& tasks;   // what a stop waits for
};

std::unique_ptr<grpc::Service> MakeMessageFlowService(ContentContext context);

}  // namespace penstock::api
