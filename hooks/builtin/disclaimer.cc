// SPDX-License-Identifier: Apache-2.0
// disclaimer: text at the top and the bottom of mail, a tag before its subject.
#include "engine/base/status_macros.h"
#include "hooks/builtin/kinds.h"
#include "hooks/builtin/text_edit.h"

namespace penstock::builtin {
namespace {

class DisclaimerHook final : public MailHook {
 public:
  DisclaimerHook(TextEdit edit, v1::BuiltinHook::Scope scope, const AddressPatterns& inside)
      : edit_(std::move(edit)), scope_(scope), inside_(inside) {}

  StatusOr<Decision> Decide(const Mail& mail) override {
    Decision decision;
    if (IsInScope(scope_, mail.event(), inside_)) {
      PENSTOCK_RETURN_IF_ERROR(edit_.Make(mail, decision));
    }
    return decision;
  }

 private:
  const TextEdit edit_;
  const v1::BuiltinHook::Scope scope_;
  const AddressPatterns inside_;
};

}  // namespace

MailHookPtr MakeDisclaimer(const v1::DisclaimerHook& settings, const Surroundings& around,
                           Faults faults) {
  TextEdit edit;
  if (settings.has_top()) edit.SetTop(settings.top(), faults.Below("top"));
  if (settings.has_bottom()) edit.SetBottom(settings.bottom(), faults.Below("bottom"));
  edit.SetTag(settings.subject_tag(), faults);
  if (edit.empty()) {
    faults.Add("", "has nothing to put into mail; expected top, bottom or subject_tag");
  }
  CheckScope(settings.mail(), around, faults);
  return std::make_unique<DisclaimerHook>(std::move(edit), settings.mail(), around.inside);
}

}  // namespace penstock::builtin
