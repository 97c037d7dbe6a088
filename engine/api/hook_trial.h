// SPDX-License-Identifier: Apache-2.0
// Calls hooks to see what they answer (SPEC R15): through the gate that every attempt goes through,
// so with its permission, turn, deadline and channel; recorded nowhere as mail.
#pragma once

#include <string>

#include <grpcpp/server_context.h>

#include "engine/api/admin_context.h"
#include "engine/async/task.h"
#include "engine/flow/directory.h"
#include "engine/flow/trial.h"

#include "penstock/v1/flow_rules.pb.h"

namespace penstock::api {

// What H10 asks of an organization; keeps `directory`.
flow::OwnsDomain DomainsOf(flow::DirectorySnapshot directory, std::string organization);

// Makes one trial. A call that fails is a value: the trial says how. Ends early when the client
// gives `context` up or the server stops.
//   Errors: kResourceExhausted after limits::kTrialTurnWait without a turn (H13); kCancelled.
async::Task<v1::HookTrial> RunTrial(AdminContext& admin, const grpc::CallbackServerContext& context,
                                    flow::Trial trial);

}  // namespace penstock::api
