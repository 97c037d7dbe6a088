// SPDX-License-Identifier: Apache-2.0
// The configuration file: read, checked, and turned into what the rooms of the engine take.
// proto/penstock/v1/config.proto describes every field.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/api/content_server.h"
#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/flow/message_machine.h"
#include "engine/rules/direction.h"

#include "penstock/v1/config.pb.h"

namespace penstock::daemon {

// Reads and checks a configuration. Defaults are filled in, and paths are absolute afterwards.
//   Errors: kNotFound (no such file); kInvalidArgument, one line a fault:
//   `penstock.yaml:12:5: listeners[0].listen: what was wrong; what was expected`.
StatusOr<v1::Config> LoadConfig(const std::string& path);

// The same for text already read; `file` is its name in errors, relative paths count from its
// folder.
StatusOr<v1::Config> ParseConfig(std::string_view text, const std::string& file);

// What is no fault but should be looked at: "admin.tls.certificate_file: FILE: expired on …".
std::vector<std::string> Warnings(const v1::Config& config);

// Of a MILTER the directions in which no route brings mail back to its MTA (A7); of others none.
std::vector<rules::FlowDirection> OneWayDirections(const v1::Config& config,
                                                   const v1::Listener& listener);

api::ContentServerOptions ToContentServerOptions(const v1::ContentApiConfig& content);

Milliseconds ToMilliseconds(const google::protobuf::Duration& duration);

rules::DirectionMode ToMode(v1::Listener::Direction direction);

flow::FlowSettings ToFlowSettings(const v1::Config& config);

// Fields that differ and that a reload cannot change; by name, for the log.
std::vector<std::string> NeedRestart(const v1::Config& before, const v1::Config& after);

}  // namespace penstock::daemon
