// SPDX-License-Identifier: Apache-2.0
// What a seed decides before the simulation begins: who lives in it, what is configured, and how
// hard its life is.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/flow/hook.h"
#include "engine/flow/message_machine.h"
#include "engine/rules/flow_rule.h"
#include "engine/rules/organization.h"
#include "tests/sim/dice.h"
#include "tests/sim/scheduler.h"

namespace penstock::sim {

// How a hook behaves: the weight of each way to answer.
struct HookMood {
  double answers = 1;   // in time, validly
  double fails = 0;     // a gRPC error
  double hangs = 0;     // no answer within the deadline of the call
  double nonsense = 0;  // an answer that is no valid one
  double puts = 0;      // the chance that it replaces the content, where it may
  Milliseconds slowest{0};
  Milliseconds quickest{0};  // of answers; a failure may be quicker
};

// How a next hop behaves: the chance of each.
struct NextHopMood {
  double down = 0;     // no connection
  double defers = 0;   // 4xx for one recipient
  double refuses = 0;  // 5xx for one recipient
  double loses = 0;    // the connection breaks after the data: taken or not, we never hear
  Milliseconds slowest{0};
};

struct World {
  std::vector<rules::Organization> organizations;
  std::vector<flow::Hook> hooks;
  std::vector<rules::FlowRule> rules;
  flow::FlowSettings settings;
  std::map<std::string, HookMood> hook_moods;
  std::map<std::string, NextHopMood> next_hop_moods;
  Scheduler::Order order = Scheduler::Order::kAny;
  Milliseconds span{0};  // of the part with clients and faults
  std::size_t submissions = 0;
  bool burst = false;             // they come at once
  std::size_t crashes = 0;        // anywhere
  std::size_t commit_cuts = 0;    // inside a commit
  std::size_t handover_cuts = 0;  // after a next hop or a hook has answered, before we hear it
  std::size_t drains = 0;         // as on SIGTERM
  std::size_t changes = 0;        // of rules, hooks, permissions
  std::size_t interventions = 0;  // retries and cancels of messages in transit
  std::size_t disk_faults = 0;    // times at which the disk is full, broken, or flawed
  bool clock_jumps = false;
  Milliseconds disk_slowest{0};

  [[nodiscard]] int AsyncRetries(const std::string& hook) const;
  [[nodiscard]] std::size_t CallsMax(const std::string& hook) const;
  [[nodiscard]] std::set<std::string> DomainsOf(const std::string& organization) const;
};

World MakeWorld(Dice dice);

// A rule of `organization` as a random operator writes it, named `name`.
rules::FlowRule MakeRule(Dice& dice, const std::string& organization, const std::string& name);

// A client's transaction: addresses of the organizations and of others.
std::string MakeSender(Dice& dice);
std::string MakeRecipient(Dice& dice);

}  // namespace penstock::sim
