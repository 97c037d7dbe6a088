// SPDX-License-Identifier: Apache-2.0
// Rules change while messages pass (SPEC R14): none waits for a compile, none sees a mix. What
// happens when is held at gates, so that every run is the same.
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/runtime/directory_keeper.h"
#include "engine/runtime/system_clock.h"
#include "tests/integration/runtime/intake_world.h"

namespace penstock::runtime {
namespace {

using Change = DirectoryKeeper::Change;
using Write = flow::Directory::Write;

constexpr std::string_view kOrganizations[] = {"default", "other"};

// Holds whoever comes to Pass() until Open(); not for ever, so that a test that would hang fails.
class Gate {
 public:
  // Returns false if nobody opened.
  bool Pass() {
    reached_.set_value();
    return opened_.get_future().wait_for(std::chrono::seconds(30)) == std::future_status::ready;
  }

  void WaitUntilReached() { reached_.get_future().wait(); }

  void Open() { opened_.set_value(); }

 private:
  std::promise<void> reached_;
  std::promise<void> opened_;
};

// Calls `before_bytes`, if there is one, the next time that Bytes() is asked for.
class HeldRandom final : public ports::Random {
 public:
  void HoldOnce(std::function<void()> before_bytes) {
    const MutexLock lock(mutex_);
    before_bytes_ = std::move(before_bytes);
  }

  RandomBytes Bytes() override {
    std::function<void()> hold;
    {
      const MutexLock lock(mutex_);
      hold.swap(before_bytes_);
    }
    if (hold) hold();
    return random_.Bytes();
  }

  double Chance() override { return random_.Chance(); }

 private:
  SystemRandom random_;
  Mutex mutex_;
  std::function<void()> before_bytes_ ABSL_GUARDED_BY(mutex_);
};

std::string RuleName(std::size_t generation, std::string_view organization) {
  return Cat("g", generation, "-", organization);
}

// In each organization the rule of a generation takes the place of the one before.
StatusOr<Change> NextGeneration(const flow::Directory& now, std::size_t generation) {
  Change change;
  change.next = std::make_shared<const flow::Directory>(now);
  for (const std::string_view organization : kOrganizations) {
    rules::FlowRule rule;
    rule.organization = organization;
    rule.name = RuleName(generation, organization);
    rule.sender_patterns = {"*"};
    rule.recipient_patterns = {"*"};
    rule.verdict.action = rules::Action::kDrop;
    PENSTOCK_ASSIGN_OR_RETURN(change.next, change.next->With(rule, Write::kCreate));
    ports::ResourceChange created;
    created.resource = rule;
    change.resources.push_back(std::move(created));
    if (generation == 0) continue;
    PENSTOCK_ASSIGN_OR_RETURN(change.next,
                              change.next->WithoutRule(organization, rules::FlowDirection::kInbound,
                                                       RuleName(generation - 1, organization)));
    rule.name = RuleName(generation - 1, organization);
    ports::ResourceChange removed;
    removed.resource = std::move(rule);
    removed.removed = true;
    change.resources.push_back(std::move(removed));
  }
  return change;
}

StatusOr<Change> AddOrganizations(const flow::Directory& now) {
  Change change;
  change.next = std::make_shared<const flow::Directory>(now);
  for (const std::string_view name : kOrganizations) {
    rules::Organization organization;
    organization.name = name;
    organization.domains = {Cat(name, ".example")};
    ports::ResourceChange written;
    written.resource = organization;
    change.resources.push_back(std::move(written));
    const bool is_new = now.FindOrganization(name) == nullptr;
    PENSTOCK_ASSIGN_OR_RETURN(
        change.next,
        change.next->With(std::move(organization), is_new ? Write::kCreate : Write::kReplace));
  }
  return change;
}

// With the rules of generation 0.
class Fixture {
 public:
  explicit Fixture(std::size_t threads) : world_(threads, random_) {
    REQUIRE(world_.Apply(AddOrganizations).ok());
    REQUIRE(Advance(0).ok());
  }

  Status Apply(DirectoryKeeper::MakeChange make) { return world_.Apply(std::move(make)); }

  Status Advance(std::size_t generation) {
    return Apply(
        [generation](const flow::Directory& now) { return NextGeneration(now, generation); });
  }

  // Takes in a message with two recipients in each organization, and returns the rules that won
  // them: a set of one generation, or something is mixed.
  std::set<std::string> Accept() {
    mail::Envelope envelope;
    envelope.forward_paths = {"a@default.example", "b@other.example", "c@default.example",
                              "d@other.example"};
    const auto reply = world_.Accept(policy_, {}, envelope, "From: ann@sender.example\r\n\r\n");
    if (reply.code != 250) return {reply.ToString()};
    std::set<std::string> rules;
    constexpr std::string_view kBeforeIds = "accepted as ";
    for (const std::string_view id :
         Split(std::string_view(reply.text).substr(kBeforeIds.size()), ' ')) {
      const auto state = world_.Load(MessageId(std::string(id)));
      if (!state.ok()) return {std::string(Message(state.status()))};
      for (const flow::RecipientState& recipient : state->recipients)
        rules.insert(recipient.rule);
    }
    return rules;
  }

  [[nodiscard]] bool TakesRecipient() const {
    return !world_.intake().RefuseRecipient(policy_, {}, "ann@sender.example", "a@default.example",
                                            0);
  }

  HeldRandom& random() { return random_; }

 private:
  const ListenerPolicy policy_{"in", rules::DirectionMode::kInbound, "default"};
  HeldRandom random_;
  IntakeWorld world_;
};

std::set<std::string> RulesOf(std::size_t generation) {
  std::set<std::string> names;
  for (const std::string_view organization : kOrganizations)
    names.insert(RuleName(generation, organization));
  return names;
}

}  // namespace

TEST_CASE("Rule swap: no message waits for a compile, even on one thread, R14",
          "[runtime][rule_swap]") {
  Fixture fixture(1);
  Gate gate;
  auto change = std::async(std::launch::async, [&] {
    return fixture.Apply([&gate](const flow::Directory& now) -> StatusOr<Change> {
      if (!gate.Pass()) return Unavailable("no message passed in 30 s");
      return NextGeneration(now, 1);
    });
  });
  gate.WaitUntilReached();
  for (int message = 0; message < 20; ++message) {
    REQUIRE(fixture.TakesRecipient());
    REQUIRE(fixture.Accept() == RulesOf(0));
  }
  gate.Open();
  const Status changed = change.get();
  INFO(Message(changed));
  REQUIRE(changed.ok());
  CHECK(fixture.Accept() == RulesOf(1));
}

TEST_CASE("Rule swap: a message in the middle of its selection keeps its rules, R14",
          "[runtime][rule_swap]") {
  Fixture fixture(2);
  Gate gate;
  // The first organization's part is named when its rules are selected, before the second's are.
  fixture.random().HoldOnce([&gate] { gate.Pass(); });
  auto message = std::async(std::launch::async, [&] { return fixture.Accept(); });
  gate.WaitUntilReached();
  REQUIRE(fixture.Advance(1).ok());
  REQUIRE(fixture.Advance(2).ok());
  CHECK(fixture.Accept() == RulesOf(2));  // another that comes now
  gate.Open();
  CHECK(message.get() == RulesOf(0));
}

TEST_CASE("Rule swap: under load every message sees the rules of one moment, R14",
          "[runtime][rule_swap]") {
  constexpr std::size_t kGenerations = 50;
  Fixture fixture(3);
  std::atomic<std::size_t> in_force{0};  // at least; raised when the change is made
  std::atomic<bool> done{false};
  std::vector<std::future<std::string>> senders;
  for (int sender = 0; sender < 3; ++sender) {
    senders.push_back(std::async(std::launch::async, [&]() -> std::string {
      while (!done) {
        const std::size_t least = in_force;
        const auto rules = fixture.Accept();
        bool found = false;
        for (std::size_t generation = least; generation <= in_force + 1 && !found; ++generation)
          found = rules == RulesOf(generation);
        if (!found) {
          return Cat("from generation ", least, " on: ", Join({rules.begin(), rules.end()}, ", "));
        }
      }
      return "";
    }));
  }
  for (std::size_t generation = 1; generation <= kGenerations; ++generation) {
    const Status changed = fixture.Advance(generation);
    CHECK(changed.ok());
    in_force = generation;
    CHECK(fixture.Accept() == RulesOf(generation));  // at once
  }
  done = true;
  for (auto& sender : senders)
    CHECK(sender.get() == "");
}

}  // namespace penstock::runtime
