// SPDX-License-Identifier: Apache-2.0
// A message on record as the API shows it (SPEC A6). What clients, hooks and next hops wrote is
// made valid UTF-8 on the way.
#pragma once

#include "engine/flow/message_state.h"
#include "engine/ports/store.h"

#include "penstock/v1/messages.pb.h"

namespace penstock::api {

// As in a list: without invocations, deliveries and history.
v1::Message ViewInList(const flow::MessageState& state);

// With everything on record.
v1::Message ViewWhole(const ports::StoredMessage& message);

}  // namespace penstock::api
