// SPDX-License-Identifier: Apache-2.0
// What a hook put, from the attempt to the next hop (SPEC M2, M5, A2), through intake and runner.
#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/thread_pool.hpp>
#include <catch2/catch.hpp>

#include "engine/base/mutex.h"
#include "engine/runtime/message_intake.h"
#include "engine/runtime/system_clock.h"
#include "engine/store/memory_store.h"
#include "tests/support/store_steps.h"
#include "tests/support/watched_store.h"

namespace penstock::runtime {
namespace {

constexpr std::string_view kHeader =
    "From: ann@far.example\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@far.example>"
    "\r\n\r\n";

// What a next hop was given.
struct Taken {
  std::string octets;
  bool smtputf8 = false;
  bool body_8bit = false;
};

class Recorder final : public ports::Delivery {
 public:
  async::asio::awaitable<std::vector<mail::SmtpReply>> Deliver(
      ports::DeliveryRequest request) override {
    const std::string octets = tests::ReadAll(*request.content);
    const MutexLock lock(mutex_);
    for (const std::string& path : request.forward_paths)
      taken_[path] = {octets, request.smtputf8, request.body_8bit};
    ++transactions_;
    co_return std::vector<mail::SmtpReply>(request.forward_paths.size(),
                                           mail::SmtpReply{250, {2, 0, 0}, "taken"});
  }

  [[nodiscard]] std::map<std::string, Taken> taken() const {
    const MutexLock lock(mutex_);
    return taken_;
  }

  [[nodiscard]] int transactions() const {
    const MutexLock lock(mutex_);
    return transactions_;
  }

 private:
  mutable Mutex mutex_;
  std::map<std::string, Taken> taken_ ABSL_GUARDED_BY(mutex_);
  int transactions_ ABSL_GUARDED_BY(mutex_) = 0;
};

class World;
using Script = async::Task<flow::Answer> (*)(World* world, ports::HookCall call);

class Caller final : public ports::HookCaller {
 public:
  explicit Caller(World* world) : world_(world) {}

  Script script = nullptr;

  async::Task<flow::Answer> Call(ports::HookCall call) override {
    co_return co_await script(world_, std::move(call));
  }

 private:
  World* const world_;
};

flow::Answer All(std::string type) {
  flow::AnswerEntry entry;
  entry.type = std::move(type);
  entry.all_recipients = true;
  flow::Answer answer;
  answer.actions = {entry};
  return answer;
}

// Mail to acme, whose rule "ask" asks hook "editor" about everything but what is to eve.
class World {
 public:
  explicit World(bool granted = true) {
    flow::FlowSettings settings;
    settings.inbound_next_hop = settings.outbound_next_hop = settings.bounce_next_hop = "next";
    settings_.Replace(settings);
    REQUIRE(tests::Put(*this, rules::Organization{"acme", {"acme.example"}}).ok());
    PutHook(granted);
    rules::FlowRule ask;
    ask.organization = "acme";
    ask.name = "ask";
    ask.sender_patterns = ask.recipient_patterns = {"*"};
    ask.run_hook.emplace();
    ask.run_hook->hook = "editor";
    REQUIRE(tests::Put(*this, ask).ok());
    rules::FlowRule spare = ask;
    spare.name = "spare";
    spare.run_hook.reset();
    spare.recipient_patterns = {"eve@acme.example"};
    REQUIRE(tests::Put(*this, spare).ok());
    REQUIRE(tests::Await(executor(), directory_.Load()).ok());
  }

  ~World() {
    context.stopping = true;
    schedule_.Stop();
    async_workers_.Stop();
    tasks_.WaitIdle(std::chrono::seconds(10));
  }

  World(const World&) = delete;
  World& operator=(const World&) = delete;

  [[nodiscard]] ports::Store& store() { return watched; }

  [[nodiscard]] async::Executor executor() { return pool_.get_executor(); }

  void PutHook(bool granted) {
    flow::Hook hook;
    hook.name = "editor";
    hook.target = "127.0.0.1:1";
    flow::Permission permission;
    permission.statement_id = "all";
    permission.organization = "acme";
    permission.read = permission.replace = granted;
    hook.permissions = {permission};
    REQUIRE(tests::Put(*this, hook).ok());
  }

  // Takes a message for these recipients and waits until it is closed; returns its id.
  MessageId Run(std::vector<std::string> recipients) {
    static const ListenerPolicy policy{"smtp", rules::DirectionMode::kInbound, "acme"};
    Submission submission;
    submission.policy = &policy;
    submission.envelope.reverse_path = "ann@far.example";
    submission.envelope.forward_paths = std::move(recipients);
    submission.header_section = kHeader;
    submission.content = tests::Await(executor(), intake_.NewContent()).value();
    REQUIRE(submission.content->Write(Cat(kHeader, "as received\r\n")).ok());
    submission.received = clock_.Now();
    const mail::SmtpReply reply = tests::Await(executor(), intake_.Accept(std::move(submission)));
    REQUIRE(reply.is_positive());
    while (schedule_.active() + schedule_.waiting() > 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return MessageId(reply.text.substr(std::string_view("accepted as ").size()));
  }

  // In a hook's script: puts the octets as this call's.
  async::Task<PutEffect> Put(ports::HookCall call, std::string octets) {
    const ContentClaim claim = {call.event.message_id, call.event.invocation_id, call.attempt,
                                call.mode};
    auto replacement = co_await context.content.Replace(claim);
    if (!replacement.ok()) co_return replacement.status();
    const Status written = (*replacement)->Write(octets);
    if (!written.ok()) co_return written;
    co_return co_await (*replacement)->Finish();
  }

 private:
  SystemClock clock_;
  SystemRandom random_;
  store::MemoryStore store_;

 public:
  tests::WatchedStore watched{store_};
  Caller caller{this};
  Recorder recorder;
  std::string type = "DEFAULT";           // that the script answers, "": it fails
  StatusCode put = StatusCode::kUnknown;  // what it was told

 private:
  DirectoryKeeper directory_{watched, clock_};
  HookGate hooks_{caller, directory_, clock_};
  SettingsKeeper settings_{flow::FlowSettings{}};
  async::TaskGroup tasks_;
  async::asio::thread_pool pool_{2};

 public:
  Context context{watched,   recorder,     clock_,
                  random_,   directory_,   hooks_,
                  settings_, "mx.example", pool_.get_executor(),
                  tasks_};

 private:
  MessageSchedule schedule_{context};
  AsyncWorkers async_workers_{context};
  MessageIntake intake_{context, schedule_, async_workers_, limits::kInboundRecipientsMax};
};

std::string Replaced(std::string_view body) {
  return Cat(kHeader, body, "\r\n");
}

TEST_CASE("Content: what a hook put leaves for those it decided, the original for others",
          "[runtime][content]") {
  World world;
  world.caller.script = [](World* in, ports::HookCall call) -> async::Task<flow::Answer> {
    const auto put = co_await in->Put(call, Replaced("replaced \xc3\xa9"));
    if (!put.ok()) co_return put.status();
    flow::Answer answer = All("DEFAULT");
    answer.actions[0].recipients = {"dan@acme.example"};  // added (H9)
    answer.actions[0].has_recipients = true;
    co_return answer;
  };
  const MessageId id = world.Run({"bob@acme.example", "eve@acme.example", "cat@acme.example"});
  const auto taken = world.recorder.taken();
  REQUIRE(taken.size() == 4);
  for (const std::string name : {"bob@acme.example", "cat@acme.example", "dan@acme.example"}) {
    CAPTURE(name);
    CHECK(taken.at(name).octets == Replaced("replaced \xc3\xa9"));
    CHECK(taken.at(name).body_8bit);
    CHECK_FALSE(taken.at(name).smtputf8);
  }
  CHECK(taken.at("eve@acme.example").octets == Replaced("as received"));
  CHECK_FALSE(taken.at("eve@acme.example").body_8bit);
  CHECK(world.recorder.transactions() == 2);

  const auto state = tests::Load(world, id.text());
  REQUIRE(state.ok());
  CHECK(state->retained);
  const std::string day = Cat(
      "@", (state->received + limits::kContentRetention - tests::At(0)) / std::chrono::seconds(1));
  CHECK(tests::Retained(world, id.text()) == Cat(":", Replaced("as received"), day, " ",
                                                 state->invocations[0].id.text(), ":",
                                                 Replaced("replaced \xc3\xa9"), day, " "));
  std::string details;
  for (const flow::HistoryEntry& entry : tests::HistoryOf(world, id.text()))
    details += entry.detail + "\n";
  const std::string octets = Cat(Replaced("replaced \xc3\xa9").size());
  CHECK(details.find("replaced the content by " + octets + " octets") != std::string::npos);
}

TEST_CASE("Content: what a failed attempt put is gone with it", "[runtime][content]") {
  World world;
  world.type = GENERATE("", "QUARANTINE");
  world.caller.script = [](World* in, ports::HookCall call) -> async::Task<flow::Answer> {
    const auto put = co_await in->Put(call, Replaced("replaced"));
    if (!put.ok()) co_return put.status();
    if (in->type.empty()) co_return Unavailable("not yet");
    co_return All(in->type);
  };
  const MessageId id = world.Run({"bob@acme.example"});  // timeout 0: the fallback follows
  CHECK(world.recorder.taken().at("bob@acme.example").octets == Replaced("as received"));
  const auto state = tests::Load(world, id.text());
  REQUIRE(state.ok());
  CHECK(state->invocations[0].fell_back);
  CHECK_FALSE(state->invocations[0].replaced);
}

TEST_CASE("Content: nothing leaves before what was put is committed", "[runtime][content]") {
  World world;
  world.caller.script = [](World* in, ports::HookCall call) -> async::Task<flow::Answer> {
    const auto put = co_await in->Put(call, Replaced("replaced"));
    if (!put.ok()) co_return put.status();
    in->watched.RefuseCommits(Unavailable("the disk is away"));
    co_return All("DEFAULT");
  };
  // The commit that accepts the message, then two that try to record the answer.
  const std::size_t tried = world.watched.begun() + 3;
  std::thread operation([&world, tried] {
    while (world.watched.begun() < tried)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    CHECK(world.recorder.taken().empty());
    world.watched.RefuseCommits(OkStatus());
  });
  world.Run({"bob@acme.example"});
  operation.join();
  CHECK(world.recorder.taken().at("bob@acme.example").octets == Replaced("replaced"));
  CHECK(world.recorder.transactions() == 1);
}

TEST_CASE("Content: a hook without the grant gets at nothing, and nothing is retained",
          "[runtime][content]") {
  World world(false);
  world.caller.script = [](World* in, ports::HookCall call) -> async::Task<flow::Answer> {
    const auto put = co_await in->Put(call, Replaced("replaced"));
    in->put = put.status().code();
    co_return All("DEFAULT");
  };
  const MessageId id = world.Run({"bob@acme.example"});
  CHECK(world.put == StatusCode::kFailedPrecondition);
  CHECK(world.recorder.taken().at("bob@acme.example").octets == Replaced("as received"));
  CHECK(tests::Retained(world, id.text()).empty());
}

TEST_CASE("Content: is retained as well where the grant comes after the message",
          "[runtime][content]") {
  World world(false);
  world.caller.script = [](World* in, ports::HookCall) -> async::Task<flow::Answer> {
    in->PutHook(true);
    const Status loaded = co_await in->context.directory.Load();
    if (!loaded.ok()) co_return loaded;
    co_return All("DEFAULT");
  };
  const MessageId id = world.Run({"bob@acme.example"});
  CHECK(tests::Load(world, id.text())->retained);
  CHECK(tests::Retained(world, id.text()).starts_with(Cat(":", Replaced("as received"), "@")));
}

}  // namespace
}  // namespace penstock::runtime
