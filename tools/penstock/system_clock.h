// SPDX-License-Identifier: Apache-2.0
// Time and chance for what the command line does without a daemon.
#pragma once

#include "engine/base/ids.h"
#include "engine/ports/clock.h"

namespace penstock::cli {

class SystemClock final : public ports::Clock {
 public:
  [[nodiscard]] Time Now() const override;
};

// Names for what is not there, from the kernel's random numbers.
MessageId FreshMessageId();
InvocationId FreshInvocationId();

}  // namespace penstock::cli
