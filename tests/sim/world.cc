// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/world.h"

#include <algorithm>
#include <utility>

#include "engine/base/strings.h"

namespace penstock::sim {

using rules::Action;
using rules::FlowDirection;
using rules::FlowRule;
using rules::InvocationMode;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

const std::vector<std::string> kSyncHooks = {"judge", "clerk"};
const std::vector<std::string> kAsyncHooks = {"copier", "watcher"};
const std::vector<std::string> kNextHops = {"in", "out", "junk", "gateway", "bounces"};

std::vector<rules::Organization> Organizations() {
  rules::Organization acme;
  acme.name = "acme";
  acme.domains = {"acme.example"};
  rules::Organization beta;
  beta.name = "beta";
  beta.domains = {"beta.example"};
  return {acme, beta};
}

flow::Permission Grant(const std::string& organization) {
  flow::Permission permission;
  permission.statement_id = Cat("allow-", organization);
  permission.organization = organization;
  return permission;
}

flow::Hook MakeHook(Dice& dice, const std::string& name) {
  flow::Hook hook;
  hook.name = name;
  hook.target = "127.0.0.1:50051";
  hook.max_concurrent_calls = dice.Chance(0.5) ? 1 + dice.Below(3) : 64;
  hook.async_queue_max = dice.Chance(0.3) ? 1 + dice.Below(3) : 100;
  hook.dead_letters_max = dice.Chance(0.3) ? 1 + dice.Below(2) : 100;
  hook.async_retries = static_cast<int>(dice.Below(3));
  hook.async_deadline = seconds(5 + static_cast<int>(dice.Below(60)));
  hook.permissions = {Grant("acme"), Grant("beta")};
  const bool reads = dice.Chance(0.6);
  for (flow::Permission& permission : hook.permissions)
    permission.read = permission.replace = reads;
  return hook;
}

HookMood MakeHookMood(Dice& dice) {
  HookMood mood;
  const Milliseconds slowest = dice.Chance(0.4) ? Milliseconds(14'900) : Milliseconds(1500);
  switch (dice.Below(8)) {
    case 0:
      break;
    case 1:  // as good as dead
      mood = {.answers = 0.1, .fails = 3, .hangs = 0.2, .nonsense = 0};
      break;
    case 2:  // a black hole
      mood = {.answers = 0.1, .fails = 0, .hangs = 3, .nonsense = 0};
      break;
    case 3:  // a liar
      mood = {.answers = 0.3, .fails = 0, .hangs = 0, .nonsense = 3};
      break;
    case 4:
    case 5:  // fails most of the time, and takes its time to answer
      mood = {.answers = 1, .fails = 3};
      mood.slowest = Milliseconds(14'900);
      mood.quickest = Milliseconds(12'000);
      break;
    default:
      mood = {.answers = 1, .fails = 0.7, .hangs = 0.3, .nonsense = 0.5};
  }
  if (mood.slowest.count() == 0) mood.slowest = slowest;
  mood.puts = dice.Chance(0.7) ? 0.6 : 0;
  return mood;
}

NextHopMood MakeNextHopMood(Dice& dice) {
  NextHopMood mood;
  if (dice.Chance(0.5)) {
    mood.down = dice.Chance(0.2) ? 0.9 : 0.2;
    mood.defers = 0.2;
    mood.refuses = 0.15;
    mood.loses = 0.1;
  }
  mood.slowest = dice.Chance(0.2) ? Milliseconds(120'000) : Milliseconds(300);
  return mood;
}

std::string MakeSenderPattern(Dice& dice) {
  return dice.Pick<std::string>({"*", "*", "ann@acme.example", "acme.example", "beta.example",
                                 "*.example", "zed@far.example"});
}

std::string MakeRecipientPattern(Dice& dice) {
  return dice.Pick<std::string>({"*", "*", "bob@acme.example", "acme.example", "beta.example",
                                 "*.example", "far.example", "eve@beta.example"});
}

rules::Verdict MakeVerdict(Dice& dice, FlowDirection direction) {
  std::vector<Action> actions = {Action::kDrop, Action::kBounce, Action::kDefault,
                                 Action::kDefault};
  if (direction == FlowDirection::kInbound) {
    actions.push_back(Action::kMoveToJunk);
    actions.push_back(Action::kBypassSpamCheck);
  } else {
    actions.push_back(Action::kRouteToGateway);
  }
  rules::Verdict verdict;
  verdict.action = dice.Pick(actions);
  if (verdict.action == Action::kRouteToGateway) verdict.gateway = "gateway";
  return verdict;
}

flow::FlowSettings MakeSettings(Dice& dice) {
  flow::FlowSettings settings;
  settings.inbound_next_hop = "in";
  settings.outbound_next_hop = "out";
  settings.bounce_next_hop = "bounces";
  if (dice.Chance(0.5)) settings.junk_next_hop = "junk";
  settings.delivery_expiry = dice.Pick<Milliseconds>({minutes(1), minutes(20), minutes(90)});
  settings.strict = dice.Chance(0.2);
  return settings;
}

}  // namespace

FlowRule MakeRule(Dice& dice, const std::string& organization, const std::string& name) {
  FlowRule rule;
  rule.organization = organization;
  rule.name = name;
  rule.direction = dice.Chance(0.7) ? FlowDirection::kInbound : FlowDirection::kOutbound;
  rule.sender_patterns = {MakeSenderPattern(dice)};
  rule.recipient_patterns = {MakeRecipientPattern(dice)};
  if (dice.Chance(0.35)) {
    rule.verdict = MakeVerdict(dice, rule.direction);
    return rule;
  }
  rules::HookInvocation invocation;
  if (dice.Chance(0.6)) {
    invocation.hook = dice.Pick(kSyncHooks);
    invocation.mode = InvocationMode::kSync;
    invocation.fallback = MakeVerdict(dice, rule.direction);
    invocation.rule_timeout = dice.Pick<minutes>(
        {minutes(0), minutes(1), minutes(1), minutes(2), minutes(10), minutes(240)});
    rule.recipient_patterns = {"*"};
  } else {
    invocation.hook = dice.Pick(kAsyncHooks);
    invocation.mode = InvocationMode::kAsync;
  }
  rule.run_hook = invocation;
  return rule;
}

std::string MakeSender(Dice& dice) {
  return dice.Pick<std::string>({"ann@acme.example", "ann@acme.example", "zed@far.example",
                                 "joe@beta.example", "moe@sub.far.example", ""});
}

std::string MakeRecipient(Dice& dice) {
  return dice.Pick<std::string>({"bob@acme.example", "cat@acme.example", "dan@acme.example",
                                 "Bob+tag@ACME.example", "eve@beta.example", "fay@beta.example",
                                 "gil@far.example", "hal@sub.far.example"});
}

namespace {

// More mail than a hook's one place can serve before the rule timeout: turns that never come (H13).
void MakeCrowd(World& world, Dice& dice) {
  flow::Hook& hook = world.hooks.front();
  hook.max_concurrent_calls = 1;
  world.hook_moods[hook.name] = {.answers = 1, .hangs = 2, .slowest = Milliseconds(14'900)};
  FlowRule rule;
  rule.organization = "acme";
  rule.name = "crowd";
  rule.direction = FlowDirection::kInbound;
  rule.sender_patterns = rule.recipient_patterns = {"*"};
  rules::HookInvocation invocation;
  invocation.hook = hook.name;
  invocation.fallback = MakeVerdict(dice, rule.direction);
  invocation.rule_timeout = minutes(1);
  rule.run_hook = invocation;
  world.rules.push_back(rule);
  world.submissions += 12;
  world.burst = false;  // who comes later finds the place free again
  world.span = minutes(3);
}

}  // namespace

World MakeWorld(Dice dice) {
  World world;
  world.organizations = Organizations();
  for (const auto& names : {kSyncHooks, kAsyncHooks}) {
    for (const std::string& name : names) {
      world.hooks.push_back(MakeHook(dice, name));
      world.hook_moods[name] = MakeHookMood(dice);
    }
  }
  for (const std::string& name : kNextHops)
    world.next_hop_moods[name] = MakeNextHopMood(dice);
  world.settings = MakeSettings(dice);
  const std::size_t rules = 1 + dice.Below(5);
  for (std::size_t i = 0; i < rules; ++i) {
    const std::string organization = dice.Chance(0.7) ? "acme" : "beta";
    world.rules.push_back(MakeRule(dice, organization, Cat("rule-", i)));
  }
  world.order = dice.Pick<Scheduler::Order>({Scheduler::Order::kAny, Scheduler::Order::kAny,
                                             Scheduler::Order::kOldest, Scheduler::Order::kNewest});
  world.span = dice.Pick<Milliseconds>({seconds(30), minutes(5), minutes(30)});
  world.submissions = 1 + dice.Below(7);
  world.burst = dice.Chance(0.3);
  if (dice.Chance(0.5)) world.crashes = dice.Below(4);
  if (dice.Chance(0.5)) world.commit_cuts = dice.Below(3);
  if (dice.Chance(0.3)) world.handover_cuts = dice.Below(3);
  if (dice.Chance(0.2)) world.drains = 1 + dice.Below(2);
  if (dice.Chance(0.4)) world.changes = 1 + dice.Below(5);
  if (dice.Chance(0.4)) world.interventions = 1 + dice.Below(5);
  if (dice.Chance(0.3)) world.disk_faults = 1 + dice.Below(3);
  world.clock_jumps = dice.Chance(0.2);
  world.disk_slowest =
      dice.Pick<Milliseconds>({Milliseconds(0), Milliseconds(20), Milliseconds(300)});
  if (dice.Chance(0.05)) MakeCrowd(world, dice);
  return world;
}

namespace {

const flow::Hook* Find(const World& world, const std::string& name) {
  const auto hook = std::find_if(world.hooks.begin(), world.hooks.end(),
                                 [&name](const flow::Hook& h) { return h.name == name; });
  return hook == world.hooks.end() ? nullptr : &*hook;
}

}  // namespace

int World::AsyncRetries(const std::string& hook) const {
  const flow::Hook* const found = Find(*this, hook);
  return found == nullptr ? limits::kAsyncRetriesDefault : found->async_retries;
}

std::size_t World::CallsMax(const std::string& hook) const {
  const flow::Hook* const found = Find(*this, hook);
  return found == nullptr ? 0 : found->max_concurrent_calls;
}

std::set<std::string> World::DomainsOf(const std::string& organization) const {
  for (const rules::Organization& one : organizations) {
    if (one.name == organization) return {one.domains.begin(), one.domains.end()};
  }
  return {};
}

}  // namespace penstock::sim
