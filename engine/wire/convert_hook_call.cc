// SPDX-License-Identifier: Apache-2.0
#include "engine/wire/convert_hook_call.h"

#include <string>
#include <utility>

#include "engine/base/strings.h"
#include "engine/wire/answer_json.h"

#include "penstock/v1/hook.pb.h"

namespace penstock::wire {
namespace {

void FillEvent(const flow::Event& event, v1::Event* out) {
  out->set_summary_version(std::string(flow::kSummaryVersion));
  v1::Envelope& envelope = *out->mutable_envelope();
  envelope.mutable_mail_from()->set_address(event.mail_from);
  envelope.mutable_recipients()->Reserve(static_cast<int>(event.recipients.size()));
  for (const std::string& recipient : event.recipients) {
    envelope.add_recipients()->set_address(recipient);
  }
  out->set_truncated(event.truncated);
  if (event.sender) out->mutable_sender()->set_address(*event.sender);
  if (event.subject) out->set_subject(*event.subject);
  out->set_message_id(event.message_id.text());
  out->set_invocation_id(event.invocation_id.text());
  out->set_flow_direction(event.direction == rules::FlowDirection::kInbound ? v1::Event::INBOUND
                                                                            : v1::Event::OUTBOUND);
}

// Unset and UNSPECIFIED are the same on the wire: no type was given.
std::string TypeWord(const v1::Action& action) {
  if (action.type() == v1::Action::UNSPECIFIED) return {};
  const std::string& word = v1::Action::Type_Name(action.type());
  return word.empty() ? Cat(static_cast<int>(action.type())) : word;
}

}  // namespace

v1::Event ToProto(const flow::Event& event) {
  v1::Event out;
  FillEvent(event, &out);
  return out;
}

void FillInvokeRequest(const flow::Event& event, bool json, v1::InvokeRequest* request) {
  FillEvent(event, request->mutable_event());
  if (json) flow::AppendJson(*request->mutable_json(), event);
}

StatusOr<flow::Answer> ToAnswer(const v1::InvokeResponse& response) {
  if (!response.json().empty()) {
    if (response.actions_size() == 0) return ParseAnswerJson(response.json());
    return InvalidArgument("answer: both `actions` and `json` are set; expected one of them");
  }
  flow::Answer answer;
  answer.typed = true;
  answer.actions.reserve(static_cast<std::size_t>(response.actions_size()));
  for (const v1::ActionEntry& entry : response.actions()) {
    flow::AnswerEntry& out = answer.actions.emplace_back();
    out.type = TypeWord(entry.action());
    const std::string& bounce_message = entry.action().parameters().bounce_message();
    if (!bounce_message.empty()) out.bounce_message = bounce_message;
    out.recipients.assign(entry.recipients().begin(), entry.recipients().end());
    out.has_recipients = !out.recipients.empty();
    out.all_recipients = entry.all_recipients();
  }
  return answer;
}

v1::InvokeResponse ToProto(const flow::Answer& answer) {
  v1::InvokeResponse response;
  for (const flow::AnswerEntry& entry : answer.actions) {
    v1::ActionEntry& out = *response.add_actions();
    v1::Action::Type type = v1::Action::UNSPECIFIED;
    v1::Action::Type_Parse(entry.type, &type);
    out.mutable_action()->set_type(type);
    if (entry.bounce_message) {
      out.mutable_action()->mutable_parameters()->set_bounce_message(*entry.bounce_message);
    }
    for (const std::string& recipient : entry.recipients)
      out.add_recipients(recipient);
    out.set_all_recipients(entry.all_recipients);
  }
  return response;
}

}  // namespace penstock::wire
