// SPDX-License-Identifier: Apache-2.0
// Messages as text, for `penstock … --output json|yaml` and `penstock export`.
#pragma once

#include <string>

#include "engine/base/status.h"

namespace google::protobuf {
class Message;
}

namespace penstock::wire {

// Writes what ReadYaml reads back to an equal message: only fields that are set, by their .proto
// names, in the order of their numbers; maps in the order of their keys. Ends with a line end.
std::string WriteYaml(const google::protobuf::Message& message);

// Writes protobuf's JSON mapping, indented, every field but absent messages printed, so that a
// script finds each key. Ends with a line end.
//   Errors: kInvalidArgument for a time or duration that the mapping cannot express.
StatusOr<std::string> WriteJson(const google::protobuf::Message& message);

}  // namespace penstock::wire
