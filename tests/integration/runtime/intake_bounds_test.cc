// SPDX-License-Identifier: Apache-2.0
// How many recipients a transaction takes, whatever decides its direction (SPEC H11, O3).
#include <string>
#include <utility>

#include <catch2/catch.hpp>

#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "tests/integration/runtime/intake_world.h"

namespace penstock::runtime {
namespace {

using Change = DirectoryKeeper::Change;
using rules::DirectionMode;

constexpr std::size_t kOutboundMax = limits::kOutboundRecipientsMax;
constexpr std::size_t kInboundMax = limits::kInboundRecipientsMax;

// The organization owns org.example, and drops what leaves it.
StatusOr<Change> SetUp(const flow::Directory& now) {
  rules::Organization organization;
  organization.name = "default";
  organization.domains = {"org.example"};
  rules::FlowRule rule;
  rule.organization = "default";
  rule.direction = rules::FlowDirection::kOutbound;
  rule.name = "drop";
  rule.sender_patterns = {"*"};
  rule.recipient_patterns = {"*"};
  rule.verdict.action = rules::Action::kDrop;
  Change change;
  PENSTOCK_ASSIGN_OR_RETURN(change.next, now.With(organization, flow::Directory::Write::kReplace));
  PENSTOCK_ASSIGN_OR_RETURN(change.next, change.next->With(rule, flow::Directory::Write::kCreate));
  change.resources.resize(2);
  change.resources[0].resource = std::move(organization);
  change.resources[1].resource = std::move(rule);
  return change;
}

mail::ClientInfo Trusted() {
  mail::ClientInfo client;
  client.trusted = true;
  return client;
}

// Returns how many recipients a transaction takes before one is refused.
std::size_t Taken(const IntakeWorld& world, DirectionMode direction, const mail::ClientInfo& client,
                  std::string_view reverse_path) {
  const ListenerPolicy policy{"in", direction, "default"};
  std::size_t accepted = 0;
  while (accepted < 2 * kInboundMax) {
    const auto refusal =
        world.intake().RefuseRecipient(policy, client, reverse_path, "b@org.example", accepted);
    if (refusal) {
      CHECK(refusal->ToString().starts_with("452 4.5.3 "));
      break;
    }
    ++accepted;
  }
  return accepted;
}

}  // namespace

TEST_CASE("Intake bounds: recipients of a transaction, by what decides its direction, H11",
          "[runtime][intake]") {
  SystemRandom random;
  IntakeWorld world(1, random);
  REQUIRE(world.Apply(SetUp).ok());
  CHECK(Taken(world, DirectionMode::kOutbound, Trusted(), "a@org.example") == kOutboundMax);
  CHECK(Taken(world, DirectionMode::kInbound, Trusted(), "a@org.example") == kInboundMax);
  CHECK(Taken(world, DirectionMode::kAuto, Trusted(), "a@org.example") == kOutboundMax);
  CHECK(Taken(world, DirectionMode::kAuto, Trusted(), "a@else.example") == kInboundMax);
  CHECK(Taken(world, DirectionMode::kAuto, {}, "a@org.example") == kInboundMax);
  // Here From decides, which comes with the data.
  CHECK(Taken(world, DirectionMode::kAuto, Trusted(), "") == kOutboundMax);
  CHECK(Taken(world, DirectionMode::kAuto, {}, "") == kInboundMax);
}

TEST_CASE("Intake bounds: an outbound message of 501 recipients is not accepted, H11",
          "[runtime][intake]") {
  SystemRandom random;
  IntakeWorld world(1, random);
  REQUIRE(world.Apply(SetUp).ok());
  const ListenerPolicy policy{"in", DirectionMode::kAuto, "default"};
  mail::Envelope envelope;  // of a null sender: From makes it outbound
  for (std::size_t i = 0; i < kOutboundMax; ++i)
    envelope.forward_paths.push_back(Cat("b", i, "@else.example"));
  const std::string header = "From: a@org.example\r\n\r\n";
  CHECK(world.Accept(policy, Trusted(), envelope, header).code == 250);
  envelope.forward_paths.emplace_back("one@too.many.example");
  CHECK(world.Accept(policy, Trusted(), envelope, header).ToString() ==
        "452 4.5.3 too many recipients; a transaction takes 500");
}

}  // namespace penstock::runtime
