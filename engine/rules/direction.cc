// SPDX-License-Identifier: Apache-2.0
#include "engine/rules/direction.h"

#include <algorithm>

namespace penstock::rules {
namespace {

// Returns the organization in whose name a message comes, empty if it is none.
std::string_view SenderOrganization(const Origin& origin, const DomainTable& domains) {
  if (!origin.reverse_path.empty()) {
    return domains.OwnerOfKey(mail::AddressKey(origin.reverse_path));
  }
  for (const mail::Mailbox& mailbox : origin.from) {
    const std::string_view owner = domains.Owner(mailbox);
    if (!owner.empty()) return owner;
  }
  return {};
}

}  // namespace

Direction DirectionOf(DirectionMode mode, std::string_view organization, const Origin& origin,
                      const DomainTable& domains) {
  if (mode == DirectionMode::kInbound || (mode == DirectionMode::kAuto && !origin.trusted)) {
    return {};
  }
  const std::string_view owner = SenderOrganization(origin, domains);
  if (!owner.empty()) return {FlowDirection::kOutbound, std::string(owner)};
  if (mode == DirectionMode::kAuto) return {};
  return {FlowDirection::kOutbound, std::string(organization)};
}

InboundSplit SplitByOrganization(std::span<const std::string> forward_paths,
                                 const DomainTable& domains) {
  InboundSplit split;
  for (std::size_t i = 0; i < forward_paths.size(); ++i) {
    const std::string_view owner = domains.OwnerOfKey(mail::AddressKey(forward_paths[i]));
    if (owner.empty()) {
      split.foreign.push_back(i);
      continue;
    }
    auto part = std::ranges::find(split.parts, owner, &InboundSplit::Part::organization);
    if (part == split.parts.end()) {
      split.parts.push_back({std::string(owner), {}});
      part = split.parts.end() - 1;
    }
    part->recipients.push_back(i);
  }
  return split;
}

}  // namespace penstock::rules
