// SPDX-License-Identifier: Apache-2.0
// What several kinds need of their settings.
#include "hooks/builtin/kinds.h"

#include <algorithm>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/mail/mailbox.h"

namespace penstock::builtin {

void Faults::Add(std::string_view field, std::string_view text) {
  faults_.push_back(
      {Cat(above_, above_.empty() || field.empty() ? "" : ".", field), std::string(text)});
}

Faults Faults::Below(std::string_view field) const {
  return {Cat(above_, above_.empty() ? "" : ".", field), faults_};
}

AddressPatterns ReadPatterns(const google::protobuf::RepeatedPtrField<std::string>& texts,
                             std::string_view field, Faults& faults) {
  AddressPatterns patterns;
  if (static_cast<std::size_t>(texts.size()) > limits::kBuiltinPatternsMax) {
    faults.Add(field, Cat("has ", texts.size(), " patterns; expected at most ",
                          limits::kBuiltinPatternsMax));
    return patterns;
  }
  for (int i = 0; i < texts.size(); ++i) {
    const StatusOr<rules::Pattern> pattern = rules::Pattern::Parse(texts[i]);
    if (pattern.ok()) {
      patterns.Add(*pattern);
    } else {
      faults.Add(Cat(field, "[", i, "]"), Message(pattern.status()));
    }
  }
  return patterns;
}

void NeedInside(const Surroundings& around, std::string_view why, Faults& faults) {
  if (!around.inside.empty()) return;
  faults.Add("", Cat("has to know ", why,
                     "; expected internal_domains at the top of the file, such as [example.com]"));
}

void CheckScope(v1::BuiltinHook::Scope scope, const Surroundings& around, Faults& faults) {
  if (scope == v1::BuiltinHook::EXTERNAL || scope == v1::BuiltinHook::INTERNAL) {
    NeedInside(around, "which mail is external", faults);
  }
}

bool IsInScope(v1::BuiltinHook::Scope scope, const v1::Event& event,
               const AddressPatterns& inside) {
  if (scope != v1::BuiltinHook::EXTERNAL && scope != v1::BuiltinHook::INTERNAL) return true;
  const auto& recipients = event.envelope().recipients();
  const bool all_inside =
      !event.truncated() && inside.MatchSender(event) &&
      std::all_of(recipients.begin(), recipients.end(),
                  [&inside](const auto& recipient) { return inside.Match(recipient.address()); });
  return all_inside == (scope == v1::BuiltinHook::INTERNAL);
}

void CheckText(std::string_view field, const std::string& text, std::size_t octets_max,
               Faults& faults) {
  if (text.size() > octets_max) {
    faults.Add(field, Cat("has ", text.size(), " octets; expected at most ", octets_max));
  } else if (!IsValidUtf8(text)) {
    faults.Add(field, "is no UTF-8");
  }
}

void CheckBounceMessage(const std::string& text, Faults& faults) {
  CheckText("bounce_message", text, limits::kBounceTextOctetsMax, faults);
}

void CheckAddress(const std::string& text, std::string_view field, Faults& faults) {
  const StatusOr<mail::Mailbox> mailbox = mail::Mailbox::Parse(text);
  if (!mailbox.ok()) faults.Add(field, Message(mailbox.status()));
}

}  // namespace penstock::builtin
