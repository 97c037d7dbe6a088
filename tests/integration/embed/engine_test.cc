// SPDX-License-Identifier: Apache-2.0
// The embedder's door beside its decisions: callbacks, refusals, stops, and mail that is given
// away.
#include "engine/embed/engine.h"

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>

#include <catch2/catch.hpp>

#include "tests/integration/embed/embedder.h"

namespace penstock::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr DecideOptions kOnce{milliseconds(0)};

// Counts down to what is awaited.
class Latch {
 public:
  explicit Latch(int count) : count_(count) {}

  void Down() {
    const std::lock_guard lock(mutex_);
    if (--count_ == 0) done_.notify_all();
  }

  bool Wait() {
    std::unique_lock lock(mutex_);
    return done_.wait_for(lock, seconds(30), [this] { return count_ <= 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  int count_;
};

class Unreadable final : public Content {
 public:
  [[nodiscard]] std::uint64_t octets() const override { return 100; }

  std::int64_t Read(std::uint64_t, char*, std::size_t) const override { return -1; }
};

}  // namespace

TEST_CASE("Engine: callbacks come once each, and may not wait for the engine", "[embed]") {
  ScriptedHooks hooks;
  Embedder embedder(hooks.address());
  constexpr int kMails = 40;
  Json steps = Json::array();
  for (int i = 0; i < kMails; ++i)
    steps.push_back(Json::parse(
        R"({"answer": {"actions": [{"action": {"type": "DROP"}, "allRecipients": true}]}})"));
  hooks.Script({{"first", steps}});
  Latch latch(kMails);
  std::mutex mutex;
  std::set<std::string> ids;
  int refused = 0;
  for (int i = 0; i < kMails; ++i) {
    embedder.engine().Decide(Embedder::MailFor({"a@example.com"}), {}, [&](Decision decision) {
      const Decision inner = embedder.engine().Decide(Embedder::MailFor({"a@example.com"}));
      {
        const std::lock_guard lock(mutex);
        if (decision.final) ids.insert(decision.messages.at(0).id);
        if (inner.error.code == ErrorCode::kFailedPrecondition) ++refused;
      }
      latch.Down();
    });
  }
  REQUIRE(latch.Wait());
  CHECK(ids.size() == kMails);
  CHECK(refused == kMails);
  embedder.Close();
}

TEST_CASE("Engine: a callback may ask for more", "[embed]") {
  ScriptedHooks hooks;
  Embedder embedder(hooks.address());
  Latch latch(1);
  int left = 100;  // one after the other
  Engine& engine = embedder.engine();
  std::function<void(Decision)> next = [&](const Decision& decision) {
    CHECK((decision.final || decision.error.code == ErrorCode::kInvalidArgument));
    if (--left == 0) return latch.Down();
    const bool refused = left % 2 == 0;
    engine.Decide(Embedder::MailFor({refused ? "no address" : "dropped@example.com"}), kOnce, next);
  };
  engine.Decide(Embedder::MailFor({"dropped@example.com"}), kOnce, next);
  REQUIRE(latch.Wait());
  embedder.Close();
}

TEST_CASE("Engine: mail that cannot be taken is refused with its fault", "[embed]") {
  ScriptedHooks hooks;
  Embedder embedder(hooks.address());
  Engine& engine = embedder.engine();
  const auto refused = [&](Mail mail, ErrorCode code, std::string_view text) {
    const Decision decision = engine.Decide(std::move(mail), kOnce);
    CAPTURE(decision.error.text);
    CHECK(decision.error.code == code);
    CHECK(decision.error.text.find(text) != std::string::npos);
  };
  refused(Embedder::MailFor({}), ErrorCode::kInvalidArgument, "forward_paths");
  refused(Embedder::MailFor({"a@example.com", "a b@example.com"}), ErrorCode::kInvalidArgument,
          "forward_paths[1]");
  refused(Embedder::MailFor({"a@example.com\r\nRCPT TO:<b@example.com>"}),
          ErrorCode::kInvalidArgument, "forward_paths[0]");
  Mail mail = Embedder::MailFor({"a@example.com"});
  mail.reverse_path = "<>";
  refused(mail, ErrorCode::kInvalidArgument, "reverse_path");
  mail = Embedder::MailFor({"a@example.com"});
  mail.content = nullptr;
  refused(mail, ErrorCode::kInvalidArgument, "content");
  mail.content = std::make_shared<Unreadable>();
  refused(mail, ErrorCode::kDataLoss, "content");
  mail = Embedder::MailFor({"a@example.com"});
  mail.client.with = "ESMTP\r\nX: y";
  refused(mail, ErrorCode::kInvalidArgument, "client.with");
  std::vector<std::string> many;
  for (int i = 0; i < 501; ++i)
    many.push_back(Cat("r", i, "@elsewhere.example"));
  mail = Embedder::MailFor(many);
  mail.direction = Direction::kOutbound;
  refused(mail, ErrorCode::kResourceExhausted, "forward_paths[500]");
  mail = Embedder::MailFor({"dropped@example.com"});
  const Decision first = engine.Decide(mail, kOnce);
  mail.content = Content::FromText(first.messages.at(0).trace_field + kOriginal);
  refused(mail, ErrorCode::kFailedPrecondition, "loop");
  CHECK(engine.Decide(Embedder::MailFor({"a@example.com"}), {milliseconds(-1)}).error.code ==
        ErrorCode::kInvalidArgument);
  CHECK(engine.Apply("rules: [{name: x}]", "test").code == ErrorCode::kInvalidArgument);
  CHECK(Content::FromFile(embedder.folder() + "/none").error.code == ErrorCode::kNotFound);
  CHECK(Content::FromFile(embedder.folder()).error.code == ErrorCode::kInvalidArgument);
  embedder.Close();
}

TEST_CASE("Engine: a stop cuts a hook's call off, which is no attempt (H4)", "[embed]") {
  ScriptedHooks hooks;
  Embedder embedder(hooks.address());
  hooks.Script(Json::parse(R"({"first": [{"hang": true}, {"answer": {"actions": [
      {"action": {"type": "DROP"}, "allRecipients": true}]}}]})"));
  Latch latch(1);
  Decision cut;
  embedder.engine().Decide(Embedder::MailFor({"a@example.com"}), {seconds(3600)},
                           [&](Decision decision) {
                             cut = std::move(decision);
                             latch.Down();
                           });
  REQUIRE(hooks.AwaitCall("first").size() == 1);
  embedder.Close();
  REQUIRE(latch.Wait());
  REQUIRE(cut.error.ok());
  CHECK_FALSE(cut.final);
  const Decision done = embedder.engine().Resume(cut.token, kOnce);
  CHECK(done.final);
  const auto calls = hooks.CallsOf("first");
  REQUIRE(calls.size() == 2);
  CHECK(calls[0].attempt == calls[1].attempt);
  CHECK(calls[0].invocation == calls[1].invocation);
  Engine& engine = embedder.engine();
  CHECK(engine.Stop(seconds(10)));
  CHECK(engine.Stop(seconds(10)));
  CHECK(engine.Decide(Embedder::MailFor({"a@example.com"})).error.code == ErrorCode::kUnavailable);
}

TEST_CASE("Engine: new rules count for mail that comes after them (R14)", "[embed]") {
  ScriptedHooks hooks;
  Embedder embedder(hooks.address());
  hooks.Script(Json::object());
  Engine& engine = embedder.engine();
  const Decision before =
      engine.Decide(Embedder::MailFor({"a@example.com"}), {milliseconds(0), true});
  CHECK_FALSE(before.final);
  CHECK(engine.Apply("organizations: [{name: default, domains: [example.com]}]", "test").ok());
  CHECK(engine.Decide(Embedder::MailFor({"a@example.com"}), kOnce).final);
  const Decision planned = engine.Resume(before.token, kOnce);
  CHECK_FALSE(planned.final);  // its hook has gone: attempts fail until the fallback
  CHECK(planned.outcomes.at(0).rule == "ask");
  embedder.Close();
}

TEST_CASE("Engine: what is given away is delivered by the program's function (A1, A2)", "[embed]") {
  ScriptedHooks hooks;
  Embedder embedder(hooks.address());
  hooks.Script(Json::parse(R"({"first": [{"put": true, "answer": {"actions": [
      {"action": {"type": "DEFAULT"}, "recipients": ["b@example.com", "a@example.com"]}]}}]})"));
  Latch latch(2);
  std::mutex mutex;
  std::vector<Delivery> deliveries;
  const Deliver deliver = [&](Delivery delivery, DeliveryDone done) {
    done(std::vector<Reply>(delivery.forward_paths.size(), {250, "2.0.0", "taken"}));
    done({});  // a second answer is nobody's
    const std::lock_guard lock(mutex);
    deliveries.push_back(std::move(delivery));
    latch.Down();
  };
  embedder.options().next_hops = {{"own", deliver}};
  embedder.options().routes.inbound = "own";
  const Accepted accepted = embedder.engine().Accept(
      Embedder::MailFor({"a@example.com", "b@example.com", "junk@example.com"}));
  CAPTURE(accepted.error.text);
  REQUIRE(accepted.error.ok());
  CHECK(accepted.reply.code == 250);
  REQUIRE(latch.Wait());
  embedder.Close();
  for (const Delivery& delivery : deliveries) {
    const bool junk = delivery.marking == Marking::kJunk;
    CHECK(delivery.forward_paths ==
          (junk ? std::vector<std::string>{"junk@example.com"}
                : std::vector<std::string>{"a@example.com", "b@example.com"}));
    CHECK(delivery.content->ReadAll().value == (junk ? kOriginal : Edited(kOriginal)));
    CHECK(delivery.trace_field.starts_with("Received: "));
  }
}

TEST_CASE("Engine: what is given away can be refused in the reply (A7), or go to a Maildir",
          "[embed]") {
  ScriptedHooks hooks;
  Embedder embedder(hooks.address());
  const Accepted nowhere = embedder.engine().Accept(Embedder::MailFor({"dropped@example.com"}));
  CHECK(nowhere.error.code == ErrorCode::kFailedPrecondition);
  embedder.Close();
  const std::string mailboxes = embedder.folder() + "/mail";
  embedder.options().next_hops = {{"mailboxes", MaildirNextHop{mailboxes + "/{local_part}"}}};
  embedder.options().routes.inbound = "mailboxes";
  const Accepted refused =
      embedder.engine().Accept(Embedder::MailFor({"refused@example.com"}), seconds(5));
  CHECK(refused.error.ok());
  CHECK(refused.reply.code == 550);
  CHECK(refused.reply.text == "nobody home");
  Mail mail = Embedder::MailFor({"plain@example.com"});
  const std::string file = embedder.folder() + "/mail.eml";
  std::ofstream(file, std::ios::binary) << "From: quiet@sender.example\r\n\r\nin a file\r\n";
  mail.content = Content::FromFile(file).value;
  CHECK(embedder.engine().Accept(mail).reply.code == 250);
  const std::filesystem::path arrived = mailboxes + "/plain/new";
  const auto end = std::chrono::steady_clock::now() + seconds(30);
  while (!std::filesystem::is_directory(arrived) || std::filesystem::is_empty(arrived)) {
    REQUIRE(std::chrono::steady_clock::now() < end);
    std::this_thread::sleep_for(milliseconds(5));
  }
  embedder.Close();
  embedder.options().routes.inbound = "nobody";
  CHECK(Engine::Open(embedder.options()).error.code == ErrorCode::kInvalidArgument);
}

}  // namespace penstock::tests
