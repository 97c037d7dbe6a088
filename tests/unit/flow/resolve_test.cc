// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/resolve.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/base/limits.h"
#include "tests/support/resolve_vector.h"
#include "tests/support/vectors.h"

using namespace penstock;        // NOLINT(google-build-using-namespace)
using namespace penstock::flow;  // NOLINT(google-build-using-namespace)
using tests::Json;
using tests::LoadVectors;
using tests::Vector;

namespace {

// An answer in the form of H5, already well-formed; reading what is not is tests/unit/wire's.
Answer ReadAnswer(const Json& json, bool typed) {
  Answer answer{{}, typed};
  for (const Json& action : json) {
    AnswerEntry entry;
    entry.type = action.at("action").value("type", "");
    if (action.at("action").contains("bounceMessage")) {
      entry.bounce_message = action.at("action").at("bounceMessage");
    }
    entry.has_recipients = !typed && action.contains("recipients");
    if (action.contains("recipients")) {
      entry.recipients = action.at("recipients").get<std::vector<std::string>>();
    }
    entry.all_recipients = action.value("allRecipients", false);
    answer.actions.push_back(std::move(entry));
  }
  return answer;
}

AnswerEntry Names(std::string type, std::vector<std::string> recipients) {
  return {std::move(type), std::nullopt, std::move(recipients), true, false};
}

// Names in every form that is not the cheap one: quoted, no address at all, with a trailing dot.
std::vector<std::string> OddNames(std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) {
    names.push_back(i % 3 == 0   ? Cat("\"a", i, "\"@b.test")
                    : i % 3 == 1 ? Cat("x", i)
                                 : Cat("A", i, "@B.test."));
  }
  return names;
}

}  // namespace

TEST_CASE("Resolve: vectors", "[flow][resolve]") {
  for (const Vector& v : LoadVectors("flow/resolve.json")) {
    DYNAMIC_SECTION(v.name) {
      const tests::ResolveCase at(v.input);
      const Answer answer = ReadAnswer(v.input.at("answer"), v.input.value("typed", false));
      const Json got = tests::ResolutionJson(at.recipients, Resolve(at.input, answer));
      CAPTURE(v.clauses, v.basis, got.dump(1), v.want.dump(1));
      CHECK(tests::IsWanted(got, v.want));
    }
  }
}

TEST_CASE("Resolve: an invalid answer is an InvalidArgument that names field, value and choice",
          "[flow][resolve]") {
  const std::vector<std::string> recipients = {"a@org.test"};
  ResolveInput input;
  input.recipients = recipients;
  CHECK(Resolve(input, {}).status().code() == StatusCode::kInvalidArgument);
  const Status status = Resolve(input, {{{"QUARANTINE", {}, {}, false, true}}, false}).status();
  CHECK(status.code() == StatusCode::kInvalidArgument);
  CHECK(Message(status) ==
        "actions[0].action.type: \"QUARANTINE\" is no inbound action (DROP, BOUNCE, MOVE_TO_JUNK, "
        "DEFAULT, BYPASS_SPAM_CHECK)");
}

TEST_CASE("Resolve: recipients that are one mailbox have one verdict", "[flow][resolve]") {
  const std::vector<std::string> recipients = {"a@org.test", "b@org.test", "A@ORG.test."};
  ResolveInput input;
  input.recipients = recipients;
  const auto resolution = Resolve(input, {{Names("DROP", {"\"a\"@org.test"})}, false});
  REQUIRE(resolution.ok());
  REQUIRE(resolution->recipients.size() == 3);
  CHECK(resolution->recipients[0].verdict.action == rules::Action::kDrop);
  CHECK(resolution->recipients[1].basis == Basis::kFallback);
  CHECK(resolution->recipients[2] == resolution->recipients[0]);
  CHECK(resolution->additions.empty());
}

TEST_CASE("Resolve: warnings are bounded, and those beyond the bound are counted",
          "[flow][resolve]") {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < limits::kAnswerWarningsMax + 7; ++i)
    names.push_back(Cat("no address ", i));
  const auto resolution = Resolve({}, {{Names("DEFAULT", names)}, false});
  REQUIRE(resolution.ok());
  CHECK(resolution->warnings.size() == limits::kAnswerWarningsMax);
  CHECK(resolution->warnings_left_out == 7);
}

// Work that grows with the square of the names would take this test's whole time limit many times.
TEST_CASE("Resolve: a hostile answer costs no more than its length", "[flow][resolve]") {
  constexpr std::size_t kNames = 200'000;
  std::vector<std::string> recipients;
  for (std::size_t i = 0; i < kNames / 2; ++i)
    recipients.push_back(Cat("a", i, "@b.test"));
  ResolveInput input;
  input.recipients = recipients;
  input.owns_domain = [](std::string_view) { return true; };
  const Answer answer{{Names("DEFAULT", OddNames(kNames)), Names("DROP", OddNames(kNames))}, false};
  const auto resolution = Resolve(input, answer);
  REQUIRE(resolution.ok());
  CHECK(resolution->recipients.front().verdict.action == rules::Action::kDrop);
  CHECK_FALSE(resolution->additions.empty());
}

TEST_CASE("RoomForAdditions: outbound up to 500 recipients, inbound without a limit",
          "[flow][resolve]") {
  CHECK(RoomForAdditions(rules::FlowDirection::kOutbound, 498) == 2);
  CHECK(RoomForAdditions(rules::FlowDirection::kOutbound, 500) == 0);
  CHECK(RoomForAdditions(rules::FlowDirection::kOutbound, 600) == 0);
  CHECK(RoomForAdditions(rules::FlowDirection::kInbound, 600) == kUnlimitedRoom);
}
