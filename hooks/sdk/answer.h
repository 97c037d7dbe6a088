// SPDX-License-Identifier: Apache-2.0
// What a hook answers (SPEC H5), made in a line:
//
//   return Answer().ForAll(Deliver()).For({"noreply@example.com"}, Drop());
//
// Whom nothing reaches gets the rule's fallback (H7).
#pragma once

#include <string>
#include <vector>

#include "penstock/v1/hook.pb.h"

namespace penstock::sdk {

// What shall happen to a recipient.
v1::Action Deliver();                         // DEFAULT
v1::Action Drop();                            // nobody is told
v1::Action Bounce(std::string message = {});  // plain text for the sender; empty: the engine's
v1::Action Junk();                            // inbound only
v1::Action BypassSpamCheck();                 // inbound only

class Answer {
 public:
  // For every recipient that no other action names, and for these, whom it adds as For does.
  Answer& ForAll(v1::Action action, std::vector<std::string> recipients = {}) &;
  Answer&& ForAll(v1::Action action, std::vector<std::string> recipients = {}) &&;

  // For these. Deliver, Junk and BypassSpamCheck add one that is no recipient yet, as BCC (H9).
  // Nothing happens for an empty list.
  Answer& For(std::vector<std::string> recipients, v1::Action action) &;
  Answer&& For(std::vector<std::string> recipients, v1::Action action) &&;

  // All of `other` behind what is here.
  Answer& Append(const Answer& other);

  // What a WorkMail function returns, in place of actions (E7).
  static Answer FromJson(std::string json);

  [[nodiscard]] const v1::InvokeResponse& response() const { return response_; }

 private:
  v1::InvokeResponse response_;
};

}  // namespace penstock::sdk
