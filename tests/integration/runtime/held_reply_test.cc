// SPDX-License-Identifier: Apache-2.0
// A reply that is held (SPEC A7): what is decided in time is told by it, what is not is our
// queue's; what is told by it is told by no DSN.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <catch2/catch.hpp>

#include "engine/async/deadline.h"
#include "engine/async/strand.h"
#include "engine/base/limits.h"
#include "engine/base/mutex.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/runtime/message_intake.h"
#include "engine/runtime/system_clock.h"
#include "engine/store/memory_store.h"
#include "tests/support/await.h"
#include "tests/support/vectors.h"
#include "tests/support/watched_store.h"

namespace penstock::runtime {
namespace {

using tests::Json;

// Answers of tests/data/runtime/held_reply.json, one an attempt; the last one stands for all later
// ones. "fail", or words as in "slow BOUNCE a@own.example,b@own.example no thanks;DROP *": "slow"
// takes kSlow, "stuck" takes until Release, "*" is allRecipients.
class ScriptedCaller final : public ports::HookCaller {
 public:
  static constexpr std::chrono::milliseconds kSlow{400};

  explicit ScriptedCaller(std::vector<std::string> answers) : answers_(std::move(answers)) {}

  async::Task<flow::Answer> Call(ports::HookCall call) override {
    std::string words = Next(call.attempt);
    if (words.starts_with("slow ")) {
      words.erase(0, 5);
      std::ignore = co_await async::Sleep(kSlow);
    }
    if (words.starts_with("stuck ")) {
      words.erase(0, 6);
      while (!released_)
        std::ignore = co_await async::Sleep(std::chrono::milliseconds(10));
    }
    if (words == "fail") co_return Unavailable("told to fail");
    flow::Answer answer;
    for (const std::string_view one : Split(words, ';')) {
      const auto parts = Split(one, ' ');
      flow::AnswerEntry entry;
      entry.type = parts.at(0);
      entry.all_recipients = parts.at(1) == "*";
      entry.has_recipients = !entry.all_recipients;
      for (const std::string_view who : Split(parts.at(1), ','))
        if (!entry.all_recipients) entry.recipients.emplace_back(who);
      std::vector<std::string> text(parts.begin() + 2, parts.end());
      if (!text.empty()) entry.bounce_message = Join(text, " ");
      answer.actions.push_back(std::move(entry));
    }
    co_return answer;
  }

  void Release() { released_ = true; }

  [[nodiscard]] std::vector<std::uint32_t> attempts() const {
    const MutexLock lock(mutex_);
    return attempts_;
  }

 private:
  std::string Next(std::uint32_t attempt) {
    const MutexLock lock(mutex_);
    attempts_.push_back(attempt);
    return answers_.at(std::min(attempts_.size(), answers_.size()) - 1);
  }

  const std::vector<std::string> answers_;
  std::atomic<bool> released_{false};
  mutable Mutex mutex_;
  std::vector<std::uint32_t> attempts_ ABSL_GUARDED_BY(mutex_);
};

// Takes everything; notes "next hop: marking: recipients", our bounces as "bounces: DSN: sender".
class NotingDelivery final : public ports::Delivery {
 public:
  async::asio::awaitable<std::vector<mail::SmtpReply>> Deliver(
      ports::DeliveryRequest request) override {
    {
      const MutexLock lock(mutex_);
      delivered_.insert(Cat(request.next_hop, ": ", Name(request.marking), ": ",
                            Join(request.forward_paths, ",")));
    }
    co_return std::vector<mail::SmtpReply>(request.forward_paths.size(), {250, {2, 0, 0}, "taken"});
  }

  [[nodiscard]] std::vector<std::string> delivered() const {
    const MutexLock lock(mutex_);
    return {delivered_.begin(), delivered_.end()};
  }

 private:
  mutable Mutex mutex_;
  std::set<std::string> delivered_ ABSL_GUARDED_BY(mutex_);
};

flow::FlowSettings ToSettings(const Json& input) {
  flow::FlowSettings settings;
  settings.inbound_next_hop = input.value("inbound", "back");
  settings.outbound_next_hop = input.value("inbound", "back");
  settings.junk_next_hop = input.value("junk", "");
  settings.bounce_next_hop = "bounces";
  settings.hook_retry.first = settings.hook_retry.max = Milliseconds(1);
  return settings;
}

class World {
 public:
  explicit World(const Json& input)
      : policy_{.name = "mx",
                .direction = input.value("outbound", false) ? rules::DirectionMode::kOutbound
                                                            : rules::DirectionMode::kInbound},
        settings_(ToSettings(input)),
        caller_(input.value("answers", std::vector<std::string>())),
        pool_(input.value("threads", std::size_t{2})) {
    REQUIRE(tests::Await(executor(), directory_.Load()).ok());
    const bool reads = input.value("reads_content", false);
    const std::string fallback = input.value("fallback", "DEFAULT");
    const std::string rule = input.value("rule", "");
    REQUIRE(
        Apply([&](const flow::Directory& now) { return SetUp(now, reads, fallback, rule); }).ok());
  }

  ~World() { Stop(); }

  void Stop() {
    context_.stopping = true;
    schedule_.Stop();
    async_workers_.Stop();
    REQUIRE(tasks_.WaitIdle(std::chrono::seconds(20)));
  }

  HeldReply Decide(const Json& input) { return Begin(input).get(); }

  // With one thread, what begins later is decided later.
  std::future<HeldReply> Begin(const Json& input) {
    Submission submission;
    submission.policy = &policy_;
    submission.envelope.reverse_path = input.value("sender", "s@else.example");
    submission.envelope.forward_paths = input.at("recipients").get<std::vector<std::string>>();
    submission.header_section = "From: s@else.example\r\nSubject: x\r\n\r\n";
    auto content = tests::Await(executor(), intake_.NewContent());
    REQUIRE(content.ok());
    REQUIRE((*content)->Write(submission.header_section).ok());
    submission.content = *std::move(content);
    submission.received = clock_.Now();
    Hold hold;
    hold.time = Milliseconds(input.value("hold_ms", 5000));
    const std::string says = input.value("says", "one");
    if (says == "each") hold.says = HeldSays::kEachReply;
    if (says == "milter") hold.says = HeldSays::kMilter;
    if (input.value("full", false)) store_.RefuseCommits(Unavailable("no space"));
    return async::asio::co_spawn(async::MakeStrand(executor()),
                                 intake_.Decide(std::move(submission), hold),
                                 async::asio::use_future);
  }

  // Every message there is, DSNs too, when it is closed.
  std::vector<flow::MessageState> AllClosed() {
    for (int i = 0; i < 2000; ++i) {
      auto page = tests::Await(executor(), store_.ListMessages({}, 100, ""));
      REQUIRE(page.ok());
      const auto& all = page->messages;
      if (std::all_of(all.begin(), all.end(), [](const auto& one) {
            return flow::Phase(one) == flow::MessagePhase::kClosed;
          })) {
        return all;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    FAIL("a message does not close");
    return {};
  }

  ScriptedCaller& caller() { return caller_; }

  [[nodiscard]] const NotingDelivery& delivery() const { return delivery_; }

 private:
  [[nodiscard]] async::Executor executor() { return pool_.get_executor(); }

  template <class Make>
  Status Apply(Make make) {
    return tests::Await(
        executor(), directory_.Apply([&](const flow::Directory& now)
                                         -> StatusOr<DirectoryKeeper::Change> { return make(now); },
                                     "test"));
  }

  static StatusOr<DirectoryKeeper::Change> SetUp(const flow::Directory& now, bool reads,
                                                 const std::string& fallback,
                                                 const std::string& action) {
    DirectoryKeeper::Change change;
    rules::Organization organization;
    organization.name = "default";
    organization.domains = {"own.example"};
    flow::Hook hook;
    hook.name = "decide";
    hook.target = "127.0.0.1:1";
    flow::Permission permission;
    permission.statement_id = "all";
    permission.organization = "default";
    permission.read = reads;
    hook.permissions = {permission};
    rules::FlowRule rule;
    rule.organization = "default";
    rule.name = "ask";
    rule.sender_patterns = {"*"};
    rule.recipient_patterns = {"*"};
    if (action.empty()) {
      rule.run_hook.emplace();
      rule.run_hook->hook = "decide";
      rule.run_hook->fallback.action = *rules::ParseAction(fallback);
      rule.run_hook->rule_timeout = std::chrono::minutes(5);
    } else {
      rule.verdict.action = *rules::ParseAction(action);
    }
    if (rule.verdict.action == rules::Action::kRouteToGateway) {  // R8: outbound alone
      rule.verdict.gateway = "gate";
      rule.direction = rules::FlowDirection::kOutbound;
    }
    rules::FlowRule drop;
    drop.organization = "default";
    drop.name = "drop";
    drop.sender_patterns = {"*"};
    drop.recipient_patterns = {"dropped@own.example"};
    drop.verdict.action = rules::Action::kDrop;
    using Write = flow::Directory::Write;
    PENSTOCK_ASSIGN_OR_RETURN(change.next, now.With(organization, Write::kReplace));
    PENSTOCK_ASSIGN_OR_RETURN(change.next, change.next->With(hook, Write::kCreate));
    PENSTOCK_ASSIGN_OR_RETURN(change.next, change.next->With(rule, Write::kCreate));
    PENSTOCK_ASSIGN_OR_RETURN(change.next, change.next->With(drop, Write::kCreate));
    change.resources.resize(4);
    change.resources[0].resource = organization;
    change.resources[1].resource = hook;
    change.resources[2].resource = rule;
    change.resources[3].resource = drop;
    return change;
  }

  SystemClock clock_;
  SystemRandom random_;
  const ListenerPolicy policy_;
  SettingsKeeper settings_;
  ScriptedCaller caller_;
  NotingDelivery delivery_;
  store::MemoryStore memory_;
  tests::WatchedStore store_{memory_};
  DirectoryKeeper directory_{store_, clock_};
  HookGate hooks_{caller_, directory_, clock_};
  async::TaskGroup tasks_;
  async::asio::thread_pool pool_;
  Context context_{store_,    delivery_,    clock_,
                   random_,   directory_,   hooks_,
                   settings_, "mx.example", pool_.get_executor(),
                   tasks_};
  MessageSchedule schedule_{context_};
  AsyncWorkers async_workers_{context_};
  MessageIntake intake_{context_, schedule_, async_workers_, limits::kInboundRecipientsMax};
};

// The reply of a message that was accepted names it: not compared.
std::string Show(const mail::SmtpReply& reply) {
  return reply.is_positive() ? "250" : reply.ToString();
}

}  // namespace

TEST_CASE("a held reply tells what the vectors say", "[held]") {
  for (const auto& vector : tests::LoadVectors("runtime/held_reply.json")) {
    DYNAMIC_SECTION(vector.name) {
      World world(vector.input);
      const HeldReply held = world.Decide(vector.input);
      Json got = {{"reply", Show(held.reply)}};
      if (!held.each.empty()) {
        std::vector<std::string> each;
        for (const auto& one : held.each)
          each.push_back(Show(one));
        got["each"] = each;
      }
      if (vector.input.value("says", "") == "milter" && held.reply.is_positive()) {
        got["removed"] = held.mta.removed;
        got["added"] = held.mta.added;
        got["marking"] = Name(held.mta.marking);
      }
      const auto messages = world.AllClosed();
      got["messages"] = messages.size();
      got["dsns"] = std::count_if(messages.begin(), messages.end(),
                                  [](const auto& one) { return one.is_bounce; });
      world.Stop();
      got["attempts"] = world.caller().attempts();
      got["delivered"] = world.delivery().delivered();
      CHECK(got == vector.want);
    }
  }
}

TEST_CASE("beyond so many held messages a further one is answered as past its hold", "[held]") {
  const Json one = {{"recipients", {"a@own.example"}},
                    {"answers", {"stuck DROP *"}},
                    {"threads", 1},
                    {"hold_ms", 60'000}};
  World world(one);
  std::vector<std::future<HeldReply>> held;
  for (std::size_t i = 0; i < limits::kHeldMax; ++i)
    held.push_back(world.Begin(one));
  Json milter = one;
  milter["says"] = "milter";
  Json lmtp = one;
  lmtp["says"] = "each";
  Json decided = milter;
  decided["recipients"] = {"dropped@own.example"};
  CHECK(Show(world.Decide(milter).reply).starts_with("451 4.3.2 "));
  CHECK(Show(world.Decide(lmtp).each.at(0)) == "250");  // and our queue
  CHECK(Show(world.Decide(one).reply) == "250");
  CHECK(Show(world.Decide(decided).reply) == "250");  // there is nothing to wait for
  for (const auto& reply : held)
    CHECK(reply.wait_for(std::chrono::seconds(0)) == std::future_status::timeout);
  world.caller().Release();
  for (auto& reply : held)
    CHECK(Show(reply.get().reply) == "250");
  CHECK(Show(world.Decide(milter).reply) == "250");  // there is room again
  world.AllClosed();
}

}  // namespace penstock::runtime
