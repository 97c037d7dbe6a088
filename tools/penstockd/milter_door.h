// SPDX-License-Identifier: Apache-2.0
// A milter listener, as the configuration says.
#pragma once

#include <memory>

#include "engine/base/status.h"
#include "engine/embed/assembly.h"
#include "engine/ingress/front_door.h"
#include "engine/ingress/incoming_octets.h"

#include "penstock/v1/config.pb.h"

namespace penstock::daemon {

// `config` comes from LoadConfig; `assembly` outlives the server.
//   Errors: kInvalidArgument for an address or network.
StatusOr<std::unique_ptr<ingress::FrontDoor>> MakeMilterServer(
    const v1::Config& config, const v1::Listener& listener,
    std::shared_ptr<ingress::IncomingOctets> incoming, embed::Assembly& assembly);

}  // namespace penstock::daemon
