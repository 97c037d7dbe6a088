// SPDX-License-Identifier: Apache-2.0
// penstock.v1.StatusService: how the daemon fares, in one look.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <grpcpp/impl/codegen/service_type.h>

#include "engine/api/admin_context.h"
#include "engine/base/time.h"
#include "engine/rules/flow_rule.h"
#include "engine/runtime/figures.h"
#include "engine/runtime/message_schedule.h"

namespace penstock::api {

// A listener at one instant.
struct ListenerFigures {
  std::string name;
  std::string address;  // with the real port
  std::int64_t connections = 0;
  Milliseconds hold{0};                                  // A7
  std::vector<rules::FlowDirection> one_way_directions;  // of a milter, without a way back (A7)
};

// What the service cannot find out by itself. The functions are called from any thread.
struct StatusSources {
  std::string version;
  std::string hostname;
  std::string data_folder;           // whose disk is shown
  std::string content_address = {};  // of the content API; empty: none
  std::string content_target = {};   // what hooks are told of it
  Time started;
  const runtime::MessageSchedule& schedule;
  const runtime::Figures& next_hops;
  std::function<std::vector<std::string>()> next_hop_names;  // in the configuration's order
  std::function<std::vector<ListenerFigures>()> listeners;   // likewise
};

// `admin` and what `sources` refers to outlive it.
std::unique_ptr<grpc::Service> MakeStatusService(AdminContext& admin, StatusSources sources);

}  // namespace penstock::api
