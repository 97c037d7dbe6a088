// SPDX-License-Identifier: Apache-2.0
// restricted_recipients: certain mailboxes write to, and hear from, allowed partners alone.
#include "hooks/builtin/kinds.h"
#include "hooks/sdk/answer.h"

namespace penstock::builtin {
namespace {

class RestrictedRecipientsHook final : public MailHook {
 public:
  RestrictedRecipientsHook(const v1::RestrictedRecipientsHook& settings, AddressPatterns restricted,
                           AddressPatterns allowed)
      : bounce_message_(settings.bounce_message()),
        report_to_(settings.report_to()),
        restricted_(std::move(restricted)),
        allowed_(std::move(allowed)) {}

  StatusOr<Decision> Decide(const Mail& mail) override {
    Decision decision;
    const v1::Event& event = mail.event();
    if (mail.inbound() ? allowed_.MatchSender(event) : !IsFromRestricted(event)) return decision;
    for (const auto& recipient : event.envelope().recipients()) {
      const std::string& address = recipient.address();
      if (mail.inbound() ? restricted_.Match(address) : !allowed_.Match(address)) {
        decision.some.emplace_back(address, sdk::Bounce(bounce_message_));
      }
    }
    // A crowd of recipients may not hide one behind the end of the list (E5).
    if (event.truncated()) {
      decision.everyone = sdk::Bounce(bounce_message_);
      decision.Note("the event is truncated: whom it leaves out may be restricted");
    }
    if ((decision.everyone || !decision.some.empty()) && !report_to_.empty())
      decision.copies.push_back(report_to_);
    return decision;
  }

 private:
  // Whoever writes on behalf of a restricted mailbox, or from one on behalf of another.
  [[nodiscard]] bool IsFromRestricted(const v1::Event& event) const {
    return restricted_.Match(event.envelope().mail_from().address()) ||
           (event.has_sender() && restricted_.Match(event.sender().address()));
  }

  const std::string bounce_message_;
  const std::string report_to_;
  const AddressPatterns restricted_;
  const AddressPatterns allowed_;
};

}  // namespace

MailHookPtr MakeRestrictedRecipients(const v1::RestrictedRecipientsHook& settings,
                                     const Surroundings& around, Faults faults) {
  if (settings.restricted_mailboxes().empty()) {
    faults.Add("restricted_mailboxes", "missing; expected patterns such as board@example.com");
  }
  AddressPatterns restricted =
      ReadPatterns(settings.restricted_mailboxes(), "restricted_mailboxes", faults);
  AddressPatterns allowed = ReadPatterns(settings.allowed_partners(), "allowed_partners", faults);
  if (settings.allowed_partners().empty()) {
    NeedInside(around, "who is inside, as allowed_partners is missing", faults);
    allowed = around.inside;
  }
  CheckBounceMessage(settings.bounce_message(), faults);
  if (!settings.report_to().empty()) CheckAddress(settings.report_to(), "report_to", faults);
  return std::make_unique<RestrictedRecipientsHook>(settings, std::move(restricted),
                                                    std::move(allowed));
}

}  // namespace penstock::builtin
