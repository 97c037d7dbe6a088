// SPDX-License-Identifier: Apache-2.0
// Whether a message is inbound or outbound, and to which organizations it belongs (SPEC O1, O3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/mail/mailbox.h"
#include "engine/rules/flow_rule.h"
#include "engine/rules/organization.h"

namespace penstock::rules {

// What a listener, or the embedding MTA, is configured to be.
enum class DirectionMode : std::uint8_t { kInbound, kOutbound, kAuto };

// Who hands a message in, and in whose name.
struct Origin {
  bool trusted = false;                 // authenticated, in a configured network, or by certificate
  std::string_view reverse_path;        // MAIL FROM as given, without angle brackets; empty is null
  std::span<const mail::Mailbox> from;  // of the From fields; looked at if the reverse-path is null
};

struct Direction {
  FlowDirection direction = FlowDirection::kInbound;
  std::string organization;  // outbound: the sender's; inbound: empty, each recipient has its own
  friend bool operator==(const Direction&, const Direction&) = default;
};

// kAuto: a trusted client with MAIL FROM (if null: the first From that is) in an owned domain →
// outbound, else inbound. kOutbound: `organization` is that of senders in no owned domain.
Direction DirectionOf(DirectionMode mode, std::string_view organization, const Origin& origin,
                      const DomainTable& domains);

// Recipients of an inbound message by the organization that owns their domain: one message each
// (O1), in the order of their first recipients. Those of no organization are foreign: for the
// normal flow if the client is trusted, else refused with 550 5.7.1.
struct InboundSplit {
  struct Part {
    std::string organization;
    std::vector<std::size_t> recipients;  // places in the list of forward-paths, ascending
  };

  std::vector<Part> parts;
  std::vector<std::size_t> foreign;
};

InboundSplit SplitByOrganization(std::span<const std::string> forward_paths,
                                 const DomainTable& domains);

}  // namespace penstock::rules
