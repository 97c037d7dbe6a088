// SPDX-License-Identifier: Apache-2.0
// The name by which gRPC listens on, and connects to, a unix socket.
#pragma once

#include <string>
#include <string_view>

namespace penstock::wire {

// Returns "unix:/run/penstock/admin.sock"; octets that a URI does not take are percent-encoded.
std::string UnixTarget(std::string_view path);

}  // namespace penstock::wire
