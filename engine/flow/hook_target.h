// SPDX-License-Identifier: Apache-2.0
// A hook's target taken apart: gRPC's "Name Resolution", the schemes that need no other service.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::flow {

struct HookTarget {
  bool unix_socket = false;
  std::vector<std::string_view> hosts;      // without brackets; empty for a unix socket
  std::vector<std::string_view> addresses;  // "host:port", or the path of a unix socket
};

// The views are into `text`. Nullopt: it is none of "host:port", "dns:///host:port",
// "ipv4:…:port,…", "ipv6:[…]:port,…", "unix:/path", "unix-abstract:name".
std::optional<HookTarget> ParseHookTarget(std::string_view text);

// Whether no octet to `target` leaves this machine.
bool IsLocal(const HookTarget& target);

// The addresses that `target` names, as "host:port" or "unix:/path", for whoever looks at them
// without gRPC; none for a target that is no good, or an abstract socket.
std::vector<std::string> AddressesOf(std::string_view target);

}  // namespace penstock::flow
