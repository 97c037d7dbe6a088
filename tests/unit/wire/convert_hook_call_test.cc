// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/convert_hook_call.h"

#include <string>

#include <catch2/catch.hpp>

#include "penstock/v1/hook.pb.h"

namespace penstock::wire {
namespace {

flow::Event ExampleEvent() {
  flow::Event event;
  event.mail_from = "alice@example.com";
  event.recipients = {"bob@example.net", "Carol@example.net"};
  event.message_id = MessageId("00000000-0000-4000-8000-000000000001");
  event.invocation_id = InvocationId("0123456789abcdef0123456789abcdef");
  event.direction = rules::FlowDirection::kOutbound;
  return event;
}

}  // namespace

TEST_CASE("Event: every field goes over, in order", "[wire][event]") {
  flow::Event event = ExampleEvent();
  event.sender = "assistant@example.com";
  event.subject = "Grüße";
  event.truncated = true;
  const v1::Event proto = ToProto(event);
  CHECK(proto.summary_version() == "2018-10-10");
  CHECK(proto.envelope().mail_from().address() == "alice@example.com");
  REQUIRE(proto.envelope().recipients_size() == 2);
  CHECK(proto.envelope().recipients(0).address() == "bob@example.net");
  CHECK(proto.envelope().recipients(1).address() == "Carol@example.net");
  CHECK(proto.truncated());
  CHECK(proto.sender().address() == "assistant@example.com");
  CHECK(proto.subject() == "Grüße");
  CHECK(proto.message_id() == "00000000-0000-4000-8000-000000000001");
  CHECK(proto.invocation_id() == "0123456789abcdef0123456789abcdef");
  CHECK(proto.flow_direction() == v1::Event::OUTBOUND);
}

TEST_CASE("Event: an absent subject, an empty one and an absent sender are told apart",
          "[wire][event]") {
  flow::Event event = ExampleEvent();
  CHECK(!ToProto(event).has_subject());
  CHECK(!ToProto(event).has_sender());
  event.subject = "";
  event.sender = "";
  CHECK(ToProto(event).has_subject());
  CHECK(ToProto(event).has_sender());
}

TEST_CASE("Event: the JSON text comes only for hooks that want it", "[wire][event]") {
  const flow::Event event = ExampleEvent();
  v1::InvokeRequest request;
  FillInvokeRequest(event, false, &request);
  CHECK(request.json().empty());
  CHECK(request.event().message_id() == event.message_id.text());
  FillInvokeRequest(event, true, &request);
  std::string text;
  flow::AppendJson(text, event);
  CHECK(request.json() == text);
}

TEST_CASE("Answer: the typed form", "[wire][answer]") {
  v1::InvokeResponse response;
  v1::ActionEntry* bounce = response.add_actions();
  bounce->mutable_action()->set_type(v1::Action::BOUNCE);
  bounce->mutable_action()->mutable_parameters()->set_bounce_message("no");
  bounce->add_recipients("bob@example.net");
  v1::ActionEntry* rest = response.add_actions();
  rest->mutable_action()->set_type(v1::Action::MOVE_TO_JUNK);
  rest->set_all_recipients(true);
  const auto answer = ToAnswer(response);
  REQUIRE(answer.ok());
  CHECK(answer->typed);
  REQUIRE(answer->actions.size() == 2);
  CHECK(answer->actions[0].type == "BOUNCE");
  CHECK(answer->actions[0].bounce_message == "no");
  CHECK(answer->actions[0].recipients == std::vector<std::string>{"bob@example.net"});
  CHECK(answer->actions[0].has_recipients);
  CHECK(!answer->actions[0].all_recipients);
  CHECK(answer->actions[1].type == "MOVE_TO_JUNK");
  CHECK(answer->actions[1].bounce_message == std::nullopt);
  CHECK(!answer->actions[1].has_recipients);
  CHECK(answer->actions[1].all_recipients);
  CHECK(ToProto(*answer).SerializeAsString() == response.SerializeAsString());
}

TEST_CASE("Answer: no type, and a type of a later version", "[wire][answer]") {
  v1::InvokeResponse response;
  response.add_actions();
  response.add_actions()->mutable_action()->set_type(static_cast<v1::Action::Type>(77));
  const auto answer = ToAnswer(response);
  REQUIRE(answer.ok());
  CHECK(answer->actions[0].type.empty());
  CHECK(answer->actions[1].type == "77");
}

TEST_CASE("Answer: JSON instead, but not beside", "[wire][answer]") {
  v1::InvokeResponse response;
  response.set_json(R"({"actions":[{"action":{"type":"DROP"},"allRecipients":"True"}]})");
  const auto answer = ToAnswer(response);
  REQUIRE(answer.ok());
  CHECK(!answer->typed);
  CHECK(answer->actions[0].type == "DROP");
  CHECK(answer->actions[0].all_recipients);
  response.add_actions();
  CHECK(Message(ToAnswer(response).status()) ==
        "answer: both `actions` and `json` are set; expected one of them");
  response.clear_actions();
  response.set_json("{");
  CHECK(ToAnswer(response).status().code() == StatusCode::kInvalidArgument);
}

}  // namespace penstock::wire
