// SPDX-License-Identifier: Apache-2.0
#include "hooks/builtin/verdict.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "engine/base/strings.h"
#include "engine/mail/mailbox.h"

namespace penstock::builtin {
namespace {

using Type = v1::Action::Type;

int Restrictiveness(Type type) {
  switch (type) {
    case v1::Action::DROP:
      return 4;
    case v1::Action::BOUNCE:
      return 3;
    case v1::Action::MOVE_TO_JUNK:
      return 2;
    case v1::Action::BYPASS_SPAM_CHECK:
      return 1;
    default:
      return 0;
  }
}

// Of two of the same kind the first stays, and with it its text (H7).
void Tighten(const v1::Action& action, std::optional<v1::Action>& kept) {
  if (!kept || Restrictiveness(action.type()) > Restrictiveness(kept->type())) kept = action;
}

bool IsInboundOnly(Type type) {
  return type == v1::Action::MOVE_TO_JUNK || type == v1::Action::BYPASS_SPAM_CHECK;
}

// Whether an answer's action of that type may add recipients (H9).
bool Delivers(Type type) {
  return type == v1::Action::DEFAULT || IsInboundOnly(type);
}

void MakeFit(const v1::Event& event, v1::Action& action, Decision& decision) {
  if (event.flow_direction() == v1::Event::INBOUND || !IsInboundOnly(action.type())) return;
  action = sdk::Deliver();
  decision.Note("outbound mail is delivered where inbound mail would be marked");
}

template <class List>
void MoveBehind(List& from, List& to) {
  std::move(from.begin(), from.end(), std::back_inserter(to));
}

}  // namespace

v1::Action ActionOf(Type type, const std::string& message) {
  if (type == v1::Action::BOUNCE) return sdk::Bounce(message);
  v1::Action action;
  action.set_type(type);
  return action;
}

void Merge(Decision next, Decision& decision) {
  if (next.everyone) Tighten(*next.everyone, decision.everyone);
  if (next.if_not_edited) Tighten(*next.if_not_edited, decision.if_not_edited);
  MoveBehind(next.some, decision.some);
  MoveBehind(next.copies, decision.copies);
  for (std::string& note : next.notes)
    decision.Note(std::move(note));
}

void RefuseEdits(std::string_view why, Decision& decision) {
  if (decision.if_not_edited) Tighten(*decision.if_not_edited, decision.everyone);
  decision.Note(Cat("the changed mail was refused: ", why));
}

sdk::Answer ToAnswer(const v1::Event& event, Decision& decision) {
  v1::Action everyone = decision.everyone.value_or(sdk::Deliver());
  MakeFit(event, everyone, decision);
  // An entry that names a recipient wins over all_recipients (H7), so it has to say the stricter.
  std::map<std::string, std::optional<v1::Action>> named;  // by the recipient's key
  for (auto& [recipient, action] : decision.some) {
    MakeFit(event, action, decision);
    auto& kept = named[mail::AddressKey(recipient)];
    if (!kept) kept = everyone;
    Tighten(action, kept);
  }
  std::vector<std::pair<v1::Action, std::vector<std::string>>> entries;
  std::set<std::string> recipients;
  for (const auto& recipient : event.envelope().recipients()) {
    const std::string key = mail::AddressKey(recipient.address());
    recipients.insert(key);
    const auto found = named.find(key);
    if (found == named.end()) continue;
    const v1::Action& action = *found->second;
    const auto same = std::find_if(entries.begin(), entries.end(), [&action](const auto& entry) {
      return entry.first.type() == action.type() &&
             entry.first.parameters().bounce_message() == action.parameters().bounce_message();
    });
    if (same != entries.end()) {
      same->second.push_back(recipient.address());
    } else {
      entries.push_back({action, {recipient.address()}});
    }
  }
  std::vector<std::string> copies;  // to those that are no recipients yet
  for (const std::string& copy : decision.copies)
    if (recipients.insert(mail::AddressKey(copy)).second) copies.push_back(copy);
  sdk::Answer answer;
  for (auto& [action, whom] : entries)
    answer.For(std::move(whom), action);
  if (Delivers(everyone.type())) {
    answer.ForAll(everyone, std::move(copies));
  } else {
    answer.ForAll(everyone).For(std::move(copies), sdk::Deliver());
  }
  return answer;
}

}  // namespace penstock::builtin
