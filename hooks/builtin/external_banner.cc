// SPDX-License-Identifier: Apache-2.0
// external_banner: a mark on inbound mail whose sender is outside. From and Sender are the sender's
// word: a mail filter before the hook has to see to it that nobody outside writes as one inside.
#include "engine/base/status_macros.h"
#include "hooks/builtin/kinds.h"
#include "hooks/builtin/text_edit.h"

namespace penstock::builtin {
namespace {

class ExternalBannerHook final : public MailHook {
 public:
  ExternalBannerHook(TextEdit edit, AddressPatterns trusted, const AddressPatterns& inside)
      : edit_(std::move(edit)), trusted_(std::move(trusted)), inside_(inside) {}

  StatusOr<Decision> Decide(const Mail& mail) override {
    Decision decision;
    const v1::Event& event = mail.event();
    const bool known = IsKnown(event.envelope().mail_from().address()) &&
                       (!event.has_sender() || IsKnown(event.sender().address()));
    if (!mail.inbound() || known) return decision;
    PENSTOCK_RETURN_IF_ERROR(edit_.Make(mail, decision));
    return decision;
  }

 private:
  [[nodiscard]] bool IsKnown(const std::string& address) const {
    return inside_.Match(address) || trusted_.Match(address);
  }

  const TextEdit edit_;
  const AddressPatterns trusted_;
  const AddressPatterns inside_;
};

}  // namespace

MailHookPtr MakeExternalBanner(const v1::ExternalBannerHook& settings, const Surroundings& around,
                               Faults faults) {
  TextEdit edit;
  if (settings.has_banner()) edit.SetTop(settings.banner(), faults.Below("banner"));
  edit.SetTag(settings.subject_tag(), faults);
  if (edit.empty()) {
    faults.Add("", "has nothing to mark mail with; expected banner or subject_tag");
  }
  NeedInside(around, "who is outside", faults);
  AddressPatterns trusted = ReadPatterns(settings.trusted_senders(), "trusted_senders", faults);
  return std::make_unique<ExternalBannerHook>(std::move(edit), std::move(trusted), around.inside);
}

}  // namespace penstock::builtin
