// SPDX-License-Identifier: Apache-2.0
// What the daemon does with a listener, whatever it speaks.
#pragma once

#include <cstddef>

#include "engine/async/endpoint.h"
#include "engine/base/status.h"
#include "engine/base/time.h"

namespace penstock::ingress {

// Threads: all functions from any thread but those that the connections run on.
class FrontDoor {
 public:
  virtual ~FrontDoor() = default;

  // Listens, and accepts from now on; returns where, with the port that was taken for port 0.
  //   Errors: kUnavailable, kInvalidArgument, naming the endpoint. Call it once.
  virtual StatusOr<async::Endpoint> Start() = 0;

  // Listens no longer: the address is free when it returns. Connections end when their transactions
  // do.
  virtual void Stop() = 0;

  // After Stop: waits until all connections are closed; false if some are still open.
  virtual bool WaitIdle(Milliseconds timeout) = 0;

  // Closes all connections at once. A message that came whole is still decided, and committed or
  // not, before WaitIdle returns true.
  virtual void Abort() = 0;

  [[nodiscard]] virtual std::size_t connections() const = 0;
};

}  // namespace penstock::ingress
