// SPDX-License-Identifier: Apache-2.0
// The place in the file system where one of our gRPC servers is about to listen.
#pragma once

#include <string>

#include "engine/base/status.h"

namespace penstock::api {

// Makes a folder that is not there, with mode 0700; removes a socket that nobody listens on.
//   Errors: kInvalidArgument (a path too long for a socket or not absolute, a folder that others
//   may write to, something else in the place), kFailedPrecondition (another process listens),
//   kUnavailable (the system refuses); naming the path.
Status PrepareUnixSocket(const std::string& path);

}  // namespace penstock::api
