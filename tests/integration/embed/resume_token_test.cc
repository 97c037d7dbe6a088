// SPDX-License-Identifier: Apache-2.0
// What a caller keeps of an undecided message: none but the engine's own comes back, and time goes
// on in it (H3, H4).
#include "engine/embed/resume_token.h"

#include <fstream>
#include <iterator>

#include <catch2/catch.hpp>

#include "engine/base/limits.h"
#include "engine/flow/mac.h"
#include "tests/integration/embed/embedder.h"

namespace penstock::tests {
namespace {

using std::chrono::milliseconds;

constexpr DecideOptions kOnce{milliseconds(0)};

Json Fail() {
  return Json::parse(R"({"first": [{"fail": "later"}]})");
}

std::string KeyOf(const Embedder& embedder) {
  std::ifstream file(embedder.folder() + "/data/resume.key", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// `token` with its first message changed, signed.
template <class Change>
std::string Forge(const Embedder& embedder, const std::string& token, const Change& change) {
  auto states = embed::OpenToken(KeyOf(embedder), token);
  REQUIRE(states.ok());
  change(states->front());
  std::vector<const flow::MessageState*> messages;
  for (const flow::MessageState& state : *states)
    messages.push_back(&state);
  return embed::SealToken(KeyOf(embedder), messages);
}

void CheckRefused(Embedder& embedder, const std::string& token, ErrorCode code) {
  const Decision decision = embedder.engine().Resume(token, kOnce);
  CHECK(decision.error.code == code);
  CHECK(decision.outcomes.empty());
}

}  // namespace

TEST_CASE("Resume token: one that was changed anywhere is refused", "[embed]") {
  ScriptedHooks hooks;
  Embedder embedder(hooks.address());
  hooks.Script(Fail());
  const std::string token =
      embedder.engine().Decide(Embedder::MailFor({"a@example.com"}), kOnce).token;
  REQUIRE(token.size() > 100);
  hooks.Script(Json::object());
  for (std::size_t i = 0; i < token.size(); ++i) {
    CAPTURE(i);
    std::string changed = token;
    changed[i] = static_cast<char>(changed[i] ^ (1U << (i % 8)));
    CheckRefused(embedder, changed, ErrorCode::kInvalidArgument);
  }
  for (std::size_t octets = 0; octets < token.size(); octets += 7)
    CheckRefused(embedder, token.substr(0, octets), ErrorCode::kInvalidArgument);
  CheckRefused(embedder, token + '\0', ErrorCode::kInvalidArgument);
  CheckRefused(embedder, token + token, ErrorCode::kInvalidArgument);
  CheckRefused(embedder, std::string(limits::kResumeTokenOctetsMax + 1, 'x'),
               ErrorCode::kInvalidArgument);
  CHECK(hooks.CallsOf("first").empty());
  CHECK(embedder.engine().Resume(token, kOnce).error.ok());
  embedder.Close();
}

TEST_CASE("Resume token: another engine's counts where they share the key", "[embed]") {
  ScriptedHooks hooks;
  Embedder one(hooks.address());
  Embedder other(hooks.address());
  hooks.Script(Fail());
  const std::string own = one.engine().Decide(Embedder::MailFor({"b@second.example"}), kOnce).token;
  CheckRefused(other, own, ErrorCode::kInvalidArgument);
  one.Close();
  other.Close();
  one.options().token_key = other.options().token_key = std::string(32, 'k');
  const Decision shared = one.engine().Decide(Embedder::MailFor({"b@second.example"}), kOnce);
  hooks.Script(Json::parse(R"({"second": [{"answer": {"actions": [
      {"action": {"type": "DROP"}, "allRecipients": true}]}}]})"));
  std::this_thread::sleep_until(shared.retry_at);
  const Decision decided = other.engine().Resume(shared.token, kOnce);
  CHECK(decided.final);
  CHECK(decided.messages.at(0).id == shared.messages.at(0).id);
  one.Close();
  other.Close();
  one.options().token_key = "short";
  CHECK(Engine::Open(one.options()).error.code == ErrorCode::kInvalidArgument);
}

TEST_CASE("Resume token: another version is told from a forgery", "[embed]") {
  ScriptedHooks hooks;
  Embedder embedder(hooks.address());
  embedder.engine();
  for (const std::string& body :
       {std::string("\x02", 1), std::string("\x01", 1), std::string("\x01\x00\x00\x00\x05xx", 7),
        std::string("\x01\x00\x00\x00\x02\xff\xff", 7)}) {
    const flow::Mac mac = flow::MacOf(KeyOf(embedder), embed::kResumeTokenDomain, body);
    CheckRefused(embedder, body + std::string(mac.begin(), mac.end()),
                 ErrorCode::kFailedPrecondition);
  }
  embedder.Close();
}

TEST_CASE("Resume token: attempts and the deadline are in it, and the fallback comes after",
          "[embed]") {
  ScriptedHooks hooks;
  Embedder embedder(hooks.address());
  hooks.Script(Fail());
  const Decision begun = embedder.engine().Decide(Embedder::MailFor({"a@example.com"}), kOnce);
  CHECK_FALSE(begun.final);
  const auto called = hooks.CallsOf("first");
  REQUIRE(called.size() == 1);
  Time deadline;
  const std::string late = Forge(embedder, begun.token, [&](flow::MessageState& state) {
    flow::InvocationState& invocation = state.invocations.at(0);
    CHECK(invocation.id.text() == called[0].invocation);
    CHECK(invocation.attempts_ended == 1);
    REQUIRE(invocation.deadline);
    deadline = *invocation.deadline;
    CHECK(deadline - state.received >= std::chrono::hours(4));
    CHECK(deadline - state.received < std::chrono::hours(4) + std::chrono::minutes(1));
    REQUIRE(invocation.next_attempt);
    CHECK(begun.retry_at == std::chrono::system_clock::time_point(*invocation.next_attempt));
    invocation.deadline = state.received - milliseconds(1);
    invocation.next_attempt = invocation.deadline;
  });
  // Another failure changes nothing of the deadline.
  hooks.Script(Fail());
  std::this_thread::sleep_until(begun.retry_at);
  embedder.Close();
  const Decision again = embedder.engine().Resume(begun.token, kOnce);
  Forge(embedder, again.token, [&](flow::MessageState& state) {
    CHECK(state.invocations.at(0).attempts_ended == 2);
    CHECK(state.invocations.at(0).deadline == deadline);
  });
  hooks.Script(Fail());
  const Decision fallen = embedder.engine().Resume(late, kOnce);
  CHECK(fallen.final);
  REQUIRE(fallen.outcomes.size() == 1);
  CHECK(fallen.outcomes[0].action == Action::kMoveToJunk);
  CHECK(fallen.outcomes[0].decided_by == "timeout_fallback");
  CHECK(hooks.CallsOf("first").empty());
  embedder.Close();
}

TEST_CASE("Resume token: early is no fault, and patience lasts until the next attempt", "[embed]") {
  ScriptedHooks hooks;
  Embedder embedder(hooks.address());
  hooks.Script(
      Json::parse(R"({"first": [{"fail": "later"}, {"fail": "later"}, {"answer": {"actions": [
      {"action": {"type": "DROP"}, "allRecipients": true}]}}]})"));
  const Decision begun = embedder.engine().Decide(Embedder::MailFor({"a@example.com"}), kOnce);
  const Decision done = embedder.engine().Resume(begun.token, {std::chrono::seconds(60)});
  CHECK(done.final);
  CHECK(hooks.CallsOf("first").size() == 3);
  embedder.Close();
}

TEST_CASE("Resume token: made before any hook is called, a crash repeats the invocation",
          "[embed]") {
  ScriptedHooks hooks;
  Embedder embedder(hooks.address());
  hooks.Script(Fail());
  const Decision planned =
      embedder.engine().Decide(Embedder::MailFor({"a@example.com"}), {milliseconds(0), true});
  CHECK(planned.error.ok());
  CHECK_FALSE(planned.final);
  CHECK(hooks.CallsOf("first").empty());
  CHECK_FALSE(embedder.engine().Resume(planned.token, kOnce).final);
  embedder.Close();  // before the new token was kept
  CHECK_FALSE(embedder.engine().Resume(planned.token, kOnce).final);
  const auto calls = hooks.CallsOf("first");
  REQUIRE(calls.size() == 2);
  CHECK(calls[0].invocation == calls[1].invocation);
  CHECK(calls[0].attempt == calls[1].attempt);
  embedder.Close();
}

TEST_CASE("Resume token: whose content is gone says so", "[embed]") {
  ScriptedHooks hooks;
  Embedder embedder(hooks.address());
  hooks.Script(Json::parse(R"({"first": [{"put": true, "answer": {"actions": [
      {"action": {"type": "DEFAULT"}, "allRecipients": true}]}}]})"));
  const Decision begun =
      embedder.engine().Decide(Embedder::MailFor({"a@example.com", "b@second.example"}), kOnce);
  REQUIRE(begun.contents.size() == 1);
  const std::string token = Forge(embedder, begun.token, [](flow::MessageState& state) {
    state.invocations.at(0).replaced->id = ContentId("0-0");
  });
  CheckRefused(embedder, token, ErrorCode::kDataLoss);
  embedder.Close();
}

}  // namespace penstock::tests
