// SPDX-License-Identifier: Apache-2.0
#include "tools/penstockd/milter_door.h"

#include <utility>

#include "engine/base/status_macros.h"
#include "engine/ingress/milter_server.h"

#include "tools/penstockd/config.h"

namespace penstock::daemon {

StatusOr<std::unique_ptr<ingress::FrontDoor>> MakeMilterServer(
    const v1::Config& config, const v1::Listener& listener,
    std::shared_ptr<ingress::IncomingOctets> incoming, embed::Assembly& assembly) {
  ingress::MilterServerOptions options;
  PENSTOCK_ASSIGN_OR_RETURN(options.listen, async::Endpoint::Parse(listener.listen()));
  PENSTOCK_ASSIGN_OR_RETURN(
      options.mta_networks,
      ingress::NetworkSet::Parse({listener.mta_networks().begin(), listener.mta_networks().end()}));
  PENSTOCK_ASSIGN_OR_RETURN(options.connection.trusted_networks,
                            ingress::NetworkSet::Parse({listener.trusted_networks().begin(),
                                                        listener.trusted_networks().end()}));
  ingress::MilterConnectionSettings& connection = options.connection;
  connection.session.message_octets_max =
      static_cast<std::uint64_t>(config.limits().message_octets_max());
  const v1::MarkingConfig& marking = config.marking();
  connection.session.junk = {marking.junk().header(), marking.junk().value()};
  connection.session.bypass_spam_check = {marking.bypass_spam_check().header(),
                                          marking.bypass_spam_check().value()};
  connection.policy.name = listener.name();
  connection.policy.direction = ToMode(listener.direction());
  connection.policy.organization = listener.organization();
  connection.policy.relay_checked = true;
  connection.incoming = std::move(incoming);
  connection.hold = ToMilliseconds(listener.hold());
  options.connections_max = static_cast<std::size_t>(listener.connections_max());
  return std::unique_ptr<ingress::FrontDoor>(std::make_unique<ingress::MilterServer>(
      assembly.context().executor, std::move(options), assembly.intake(), assembly.clock()));
}

}  // namespace penstock::daemon
