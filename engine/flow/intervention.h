// SPDX-License-Identifier: Apache-2.0
// What an administrator wants of a message in transit: MessageMachine::Intervene does it.
#pragma once

#include <cstdint>
#include <string>

#include "engine/rules/flow_rule.h"

namespace penstock::flow {

struct Intervention {
  enum class Kind : std::uint8_t {
    kRetry,   // what waits for its next attempt is due now
    kCancel,  // what waits for a hook gets `verdict`; DROP and BOUNCE end waiting deliveries too
  };

  Kind kind = Kind::kRetry;
  rules::Verdict verdict = {};  // kCancel: DROP, BOUNCE or DEFAULT
  std::string who = {};         // for the record
};

}  // namespace penstock::flow
