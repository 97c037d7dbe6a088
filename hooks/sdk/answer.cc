// SPDX-License-Identifier: Apache-2.0
#include "hooks/sdk/answer.h"

#include <utility>

namespace penstock::sdk {
namespace {

v1::Action ActionOf(v1::Action::Type type) {
  v1::Action action;
  action.set_type(type);
  return action;
}

}  // namespace

v1::Action Deliver() {
  return ActionOf(v1::Action::DEFAULT);
}

v1::Action Drop() {
  return ActionOf(v1::Action::DROP);
}

v1::Action Bounce(std::string message) {
  v1::Action action = ActionOf(v1::Action::BOUNCE);
  if (!message.empty()) action.mutable_parameters()->set_bounce_message(std::move(message));
  return action;
}

v1::Action Junk() {
  return ActionOf(v1::Action::MOVE_TO_JUNK);
}

v1::Action BypassSpamCheck() {
  return ActionOf(v1::Action::BYPASS_SPAM_CHECK);
}

Answer& Answer::ForAll(v1::Action action, std::vector<std::string> recipients) & {
  v1::ActionEntry& entry = *response_.add_actions();
  entry.set_all_recipients(true);
  for (std::string& recipient : recipients)
    entry.add_recipients(std::move(recipient));
  *entry.mutable_action() = std::move(action);
  return *this;
}

Answer&& Answer::ForAll(v1::Action action, std::vector<std::string> recipients) && {
  return std::move(ForAll(std::move(action), std::move(recipients)));
}

Answer& Answer::For(std::vector<std::string> recipients, v1::Action action) & {
  if (recipients.empty()) return *this;
  ForAll(std::move(action), std::move(recipients));
  response_.mutable_actions()->rbegin()->set_all_recipients(false);
  return *this;
}

Answer&& Answer::For(std::vector<std::string> recipients, v1::Action action) && {
  return std::move(For(std::move(recipients), std::move(action)));
}

Answer& Answer::Append(const Answer& other) {
  response_.mutable_actions()->MergeFrom(other.response_.actions());
  return *this;
}

Answer Answer::FromJson(std::string json) {
  Answer answer;
  answer.response_.set_json(std::move(json));
  return answer;
}

}  // namespace penstock::sdk
