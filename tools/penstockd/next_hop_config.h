// SPDX-License-Identifier: Apache-2.0
// The next hops that a configuration names.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/embed/assembly.h"

#include "penstock/v1/config.pb.h"

#include "tools/penstockd/tls_config.h"

namespace penstock::daemon {

// Paths that are not absolute count from `folder`.
void FillNextHop(const std::filesystem::path& folder, v1::NextHop& next_hop);

// Judges what stands at `path`, "next_hops[0]", after FillNextHop; but for its name, and for TLS
// (CheckTls).
std::vector<Finding> CheckNextHop(const std::string& path, const v1::NextHop& next_hop);

// What to think over about one that has no faults.
std::vector<Finding> WarningsOfNextHop(const std::string& path, const v1::NextHop& next_hop);

// Of one that has no faults.
embed::NextHop ToNextHop(const v1::NextHop& configured);

}  // namespace penstock::daemon
