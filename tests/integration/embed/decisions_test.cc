// SPDX-License-Identifier: Apache-2.0
// Messages that their caller keeps: tests/data/embed/decisions.json, each with one process that
// goes on and with one that starts again before each Resume.
#include <catch2/catch.hpp>

#include "tests/integration/embed/embedder.h"

namespace penstock::tests {
namespace {

std::string Show(const Outcome& outcome, const Decision& decision) {
  if (!outcome.decided) return "undecided";
  std::string shown = Cat(Name(outcome.action), " ", outcome.decided_by);
  if (outcome.added) shown += " added";
  if (outcome.content != kUnchanged) {
    const auto content = decision.contents.at(outcome.content).content->ReadAll();
    shown += content.value == Edited(kOriginal) ? " replaced" : " garbled";
  }
  if (outcome.tell_sender) shown += " tell";
  if (!outcome.bounce_message.empty()) Append(shown, " \"", outcome.bounce_message, "\"");
  if (!outcome.gateway.empty()) Append(shown, " ", outcome.gateway);
  return shown;
}

Json Show(const Decision& decision) {
  Json shown = {{"final", decision.final}, {"outcomes", Json::object()}};
  for (const Outcome& outcome : decision.outcomes)
    shown["outcomes"][outcome.recipient] = Show(outcome, decision);
  return shown;
}

Mail ToMail(const Json& input) {
  const std::string from = input.value("from", "someone@sender.example");
  std::string content = kOriginal;
  content.replace(content.find("someone@sender.example"),
                  std::string("someone@sender.example").size(), from);
  Mail mail = Embedder::MailFor(input["recipients"].get<std::vector<std::string>>(), content);
  mail.reverse_path = input.value("reverse_path", from);
  if (input.value("direction", "inbound") == "outbound") mail.direction = Direction::kOutbound;
  return mail;
}

void Run(const Vector& vector, Embedder& embedder, ScriptedHooks& hooks, bool restart) {
  hooks.Script(vector.input.value("hooks", Json::object()));
  const Json& rounds = vector.want["rounds"];
  Decision decision;
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    if (restart) embedder.Close();
    if (i == 0) {
      decision = embedder.engine().Decide(ToMail(vector.input), {std::chrono::milliseconds(0)});
    } else {
      std::this_thread::sleep_until(decision.retry_at);
      decision = embedder.engine().Resume(decision.token, {std::chrono::milliseconds(0)});
    }
    CAPTURE(i, decision.error.text, Join(decision.history, "\n"));
    REQUIRE(decision.error.ok());
    CHECK(Show(decision).dump() ==
          Json({{"final", rounds[i]["final"]}, {"outcomes", rounds[i]["outcomes"]}}).dump());
    CHECK(decision.token.empty() == decision.final);
  }
  for (const auto& [hook, attempts] : vector.want["attempts"].items()) {
    const auto calls = hook == "watcher" ? hooks.AwaitCall(hook) : hooks.CallsOf(hook);
    CAPTURE(hook);
    REQUIRE(calls.size() == attempts.size());
    for (std::size_t i = 0; i < calls.size(); ++i) {
      CHECK(calls[i].attempt == attempts[i].get<int>());
      CHECK(calls[i].invocation == calls[0].invocation);
      if (!calls[i].read.empty()) CHECK(calls[i].read.ends_with("as it came\r\n"));
    }
  }
}

}  // namespace

TEST_CASE("Decide: vectors", "[embed]") {
  ScriptedHooks hooks;
  Embedder embedder(hooks.address());
  for (const Vector& vector : LoadVectors("embed/decisions.json")) {
    CAPTURE(vector.name);
    Run(vector, embedder, hooks, false);
    Run(vector, embedder, hooks, true);
  }
  embedder.Close();
}

}  // namespace penstock::tests
