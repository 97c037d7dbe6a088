// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/hook_trial.h"

#include <chrono>
#include <string>

#include <catch2/catch.hpp>

#include "engine/base/limits.h"
#include "engine/base/strings.h"

#include "penstock/v1/flow_rules.pb.h"
#include "penstock/v1/hooks.pb.h"

namespace penstock::wire {
namespace {

using Recipient = v1::Resolution::Recipient;

const InvocationId kFresh("fresh");

v1::InvokeHookRequest Request() {
  v1::InvokeHookRequest request;
  request.set_name("hooks/decide");
  request.set_organization("default");
  request.set_event_json(R"({"summaryVersion":"2018-10-10","messageId":"m-1",)"
                         R"("envelope":{"mailFrom":{"address":"a@x.test"},)"
                         R"("recipients":[{"address":"b@org.test"},{"address":"c@org.test"}]}})");
  return request;
}

std::string ErrorOf(const v1::InvokeHookRequest& request) {
  return std::string(Message(ReadTrial(request, kFresh).status()));
}

flow::Answer Answered(std::string type) {
  flow::Answer answer;
  answer.actions.push_back({std::move(type), std::nullopt, {"b@org.test"}, true, false});
  return answer;
}

v1::HookTrial Ended(const flow::Trial& trial, const StatusOr<flow::Answer>& answer) {
  return ToProto(trial, answer, std::chrono::milliseconds(1500), {}, false);
}

}  // namespace

TEST_CASE("ReadTrial: what is not said has the engine's defaults", "[wire][trial]") {
  const auto trial = ReadTrial(Request(), kFresh);
  REQUIRE(trial.ok());
  CHECK(trial->hook == "decide");
  CHECK(trial->mode == rules::InvocationMode::kSync);
  CHECK(trial->attempt == 1);
  CHECK(trial->rule.empty());
  CHECK(trial->recipients == std::vector<std::string>{"b@org.test", "c@org.test"});
  CHECK(trial->fallback == rules::Verdict{});
  CHECK(trial->event.invocation_id == kFresh);
  CHECK(trial->event.direction == rules::FlowDirection::kInbound);
  CHECK_FALSE(trial->event.truncated);
}

TEST_CASE("ReadTrial: the event lists all recipients as far as they fit, E5", "[wire][trial]") {
  v1::InvokeHookRequest request = Request();
  for (int i = 0; i < 1000; ++i)
    request.add_recipients(Cat(std::string(200, 'x'), i, "@org.test"));
  const auto trial = ReadTrial(request, kFresh);
  REQUIRE(trial.ok());
  CHECK(trial->recipients.size() == 1000);
  CHECK(trial->event.truncated);
  CHECK(trial->event.recipients.size() < 1000);
  CHECK(flow::JsonOctets(trial->event) <= limits::kEventOctetsMax);
  // That recipients are missing stays known where all that are known fit.
  v1::InvokeHookRequest cut = Request();
  cut.mutable_event_json()->replace(0, 1, "{\"truncated\":true,");
  CHECK(ReadTrial(cut, kFresh)->event.truncated);
}

TEST_CASE("ReadTrial: what is refused names its field", "[wire][trial]") {
  v1::InvokeHookRequest request = Request();
  request.set_name("decide");
  CHECK_THAT(ErrorOf(request), Catch::Matchers::StartsWith("name: "));
  request = Request();
  request.set_organization("");
  CHECK_THAT(ErrorOf(request), Catch::Matchers::StartsWith("organization: "));
  request = Request();
  request.set_rule("a b");
  CHECK_THAT(ErrorOf(request), Catch::Matchers::StartsWith("rule: "));
  request = Request();
  request.set_attempt(-1);
  CHECK_THAT(ErrorOf(request), Catch::Matchers::StartsWith("attempt: "));
  request = Request();
  request.set_event_json("null");
  CHECK_THAT(ErrorOf(request),
             Catch::Matchers::StartsWith("event_json: event: expected an object"));
  request = Request();
  request.mutable_fallback()->set_action(v1::Verdict::ROUTE_TO_GATEWAY);
  CHECK_THAT(ErrorOf(request),
             Catch::Matchers::StartsWith("fallback.action: ROUTE_TO_GATEWAY is no inbound action"));
  request = Request();
  request.mutable_fallback()->set_gateway("partner");
  CHECK_THAT(ErrorOf(request), Catch::Matchers::StartsWith("fallback.action: missing"));
}

TEST_CASE("ReadFallback: every action of the direction, R8, R10", "[wire][trial]") {
  v1::Verdict gateway;
  gateway.set_action(v1::Verdict::ROUTE_TO_GATEWAY);
  gateway.set_gateway("partner");
  CHECK(ReadFallback(gateway, rules::FlowDirection::kOutbound)->gateway == "partner");
  CHECK_FALSE(ReadFallback(gateway, rules::FlowDirection::kInbound).ok());
  gateway.clear_gateway();
  CHECK_THAT(std::string(Message(ReadFallback(gateway, rules::FlowDirection::kOutbound).status())),
             Catch::Matchers::StartsWith("fallback.gateway: "));
}

TEST_CASE("HookTrial: a valid answer comes with what it comes to", "[wire][trial]") {
  const auto trial = ReadTrial(Request(), kFresh);
  const v1::HookTrial ended = Ended(*trial, Answered("DROP"));
  CHECK(ended.code() == "OK");
  CHECK(ended.error().empty());
  CHECK(ended.duration().seconds() == 1);
  CHECK(ended.answer() ==
        R"({"actions":[{"action":{"type":"DROP"},"recipients":["b@org.test"]}]})");
  REQUIRE(ended.resolution().recipients_size() == 2);
  CHECK(ended.resolution().recipients(0).verdict().action() == v1::Verdict::DROP);
  CHECK(ended.resolution().recipients(0).basis() == Recipient::NAMED);
  CHECK(ended.resolution().recipients(1).verdict().action() == v1::Verdict::DEFAULT);
  CHECK(ended.resolution().recipients(1).basis() == Recipient::FALLBACK);
}

TEST_CASE("HookTrial: of a failed attempt everybody gets the fallback, H3", "[wire][trial]") {
  v1::InvokeHookRequest request = Request();
  request.mutable_fallback()->set_action(v1::Verdict::MOVE_TO_JUNK);
  const auto trial = ReadTrial(request, kFresh);
  const v1::HookTrial down = Ended(*trial, Unavailable("nobody there"));
  CHECK(down.code() == "UNAVAILABLE");
  CHECK(down.error() == "nobody there");
  CHECK(down.answer().empty());
  const v1::HookTrial refused = Ended(*trial, Answered("QUARANTINE"));
  CHECK(refused.code() == "INVALID_ANSWER");
  CHECK_THAT(refused.error(), Catch::Matchers::StartsWith("actions[0].action.type: "));
  CHECK_THAT(refused.answer(), Catch::Matchers::Contains("QUARANTINE"));
  for (const auto& one : {down, refused}) {
    REQUIRE(one.resolution().recipients_size() == 2);
    for (const Recipient& recipient : one.resolution().recipients()) {
      CHECK(recipient.verdict().action() == v1::Verdict::MOVE_TO_JUNK);
      CHECK(recipient.basis() == Recipient::NO_ANSWER);
    }
  }
}

TEST_CASE("HookTrial: an ASYNC answer comes to nothing, R11", "[wire][trial]") {
  v1::InvokeHookRequest request = Request();
  request.set_mode(v1::InvokeRequest::ASYNC);
  const v1::HookTrial ended = Ended(*ReadTrial(request, kFresh), flow::Answer{});
  CHECK(ended.mode() == v1::InvokeRequest::ASYNC);
  CHECK(ended.code() == "OK");
  CHECK_FALSE(ended.has_resolution());
}

TEST_CASE("Resolution: every reason of a warning has its word in the contract", "[wire][trial]") {
  for (int i = 0; i <= static_cast<int>(flow::Reason::kNoRoom); ++i) {
    const auto reason = static_cast<flow::Reason>(i);
    flow::Resolution resolution;
    resolution.warnings.push_back({reason, "actions[0]", "odd"});
    const v1::Resolution out = ToProto(resolution, {});
    REQUIRE(out.warnings_size() == 1);
    CHECK(v1::Resolution::Warning::Reason_Name(out.warnings(0).reason()) == flow::Name(reason));
  }
}

}  // namespace penstock::wire
