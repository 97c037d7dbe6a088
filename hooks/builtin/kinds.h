// SPDX-License-Identifier: Apache-2.0
// The kinds of ready-made hooks, a function each (and a file each, by its name): settings in, hook
// out. What is wrong with the settings goes to `faults`; what is returned then is of no use.
// proto/penstock/v1/builtin_hooks.proto says what each kind does.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hooks/builtin/address_patterns.h"
#include "hooks/builtin/mail_hook.h"

#include "penstock/v1/builtin_hooks.pb.h"

namespace penstock::builtin {

// One thing that is wrong with one field.
struct Fault {
  std::string field;  // "hooks[0].disclaimer.top.text"
  std::string text;   // "missing; expected …"
};

// Collects what is wrong below one field.
class Faults {
 public:
  Faults(std::string above, std::vector<Fault>& faults)
      : above_(std::move(above)), faults_(faults) {}

  void Add(std::string_view field, std::string_view text);

  [[nodiscard]] Faults Below(std::string_view field) const;

 private:
  std::string above_;
  std::vector<Fault>& faults_;
};

// What a hook's settings stand in.
struct Surroundings {
  std::string name;  // of the hook
  const AddressPatterns& inside;
};

using MailHookPtr = std::unique_ptr<MailHook>;

MailHookPtr MakeDisclaimer(const v1::DisclaimerHook& settings, const Surroundings& around,
                           Faults faults);
MailHookPtr MakeExternalBanner(const v1::ExternalBannerHook& settings, const Surroundings& around,
                               Faults faults);
MailHookPtr MakeRestrictedRecipients(const v1::RestrictedRecipientsHook& settings,
                                     const Surroundings& around, Faults faults);
MailHookPtr MakeStormBrake(const v1::StormBrakeHook& settings, Faults faults);
MailHookPtr MakeHeaderFilter(const v1::HeaderFilterHook& settings, Faults faults);
MailHookPtr MakeAttachmentPolicy(const v1::AttachmentPolicyHook& settings, Faults faults);
MailHookPtr MakeSavedCopy(const v1::SavedCopyHook& settings, Faults faults);
MailHookPtr MakeArchive(const v1::ArchiveHook& settings, const Surroundings& around, Faults faults);
MailHookPtr MakeCounter(const Surroundings& around);
MailHookPtr MakeSteps(std::vector<std::shared_ptr<MailHook>> steps);

// Reads the patterns of a repeated field.
AddressPatterns ReadPatterns(const google::protobuf::RepeatedPtrField<std::string>& texts,
                             std::string_view field, Faults& faults);

// Says so if a hook asks who is inside, and nobody told.
void NeedInside(const Surroundings& around, std::string_view why, Faults& faults);

// Says so if a scope cannot be told.
void CheckScope(v1::BuiltinHook::Scope scope, const Surroundings& around, Faults& faults);

// Whether mail is of that scope. A truncated event (E5) may leave out somebody outside.
bool IsInScope(v1::BuiltinHook::Scope scope, const v1::Event& event, const AddressPatterns& inside);

// Says so if a text is too long, or no UTF-8.
void CheckText(std::string_view field, const std::string& text, std::size_t octets_max,
               Faults& faults);
void CheckBounceMessage(const std::string& text, Faults& faults);

// Says so if a text is no address.
void CheckAddress(const std::string& text, std::string_view field, Faults& faults);

}  // namespace penstock::builtin
