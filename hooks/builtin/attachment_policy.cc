// SPDX-License-Identifier: Apache-2.0
// attachment_policy: attachments that a list forbids, or that are too large, are taken out, or
// decide what becomes of the mail.
#include <algorithm>
#include <set>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "hooks/builtin/kinds.h"
#include "hooks/builtin/verdict.h"
#include "hooks/sdk/attachments.h"

namespace penstock::builtin {
namespace {

using Policy = v1::AttachmentPolicyHook;

constexpr std::string_view kNote =
    "[An attachment was taken out of this mail: {name} ({type}, {octets} octets)]\r\n";

v1::Action ToAction(Policy::Action action, const std::string& message) {
  switch (action) {
    case Policy::DROP:
      return ActionOf(v1::Action::DROP);
    case Policy::MOVE_TO_JUNK:
      return ActionOf(v1::Action::MOVE_TO_JUNK);
    default:
      return ActionOf(v1::Action::BOUNCE, message);
  }
}

class AttachmentPolicyHook final : public MailHook {
 public:
  explicit AttachmentPolicyHook(const Policy& settings)
      : octets_max_(static_cast<std::uint64_t>(settings.octets_max())),
        remove_(settings.action() == Policy::REMOVE ||
                settings.action() == Policy::ACTION_UNSPECIFIED),
        action_(ToAction(remove_ ? settings.if_not_removable() : settings.action(),
                         settings.bounce_message())),
        note_(settings.note().empty() ? kNote : settings.note()) {
    for (const std::string& extension : settings.extensions())
      extensions_.insert(AsciiLower(extension));
    for (const std::string& type : settings.types())
      types_.insert(AsciiLower(type));
  }

  StatusOr<Decision> Decide(const Mail& mail) override {
    Decision decision;
    const StatusOr<std::string_view> whole = mail.content.Whole();
    if (whole.status().code() == StatusCode::kFailedPrecondition) {  // nobody can look into it
      decision.everyone = action_;
      decision.Note(std::string(Message(whole.status())));
      return decision;
    }
    PENSTOCK_RETURN_IF_ERROR(whole.status());
    bool found = false;
    const auto forbidden = [&](const sdk::Attachment& attachment) {
      const bool is_forbidden = IsForbidden(attachment);
      found = found || is_forbidden;
      return is_forbidden;
    };
    PENSTOCK_ASSIGN_OR_RETURN(const sdk::Edit edit,
                              sdk::RemoveAttachments(*whole, forbidden, note_));
    if (!edit.refusal.empty()) {
      decision.everyone = action_;
      if (remove_) decision.Note(Cat("attachments not taken out: ", edit.refusal));
    } else if (found && !remove_) {
      decision.everyone = action_;
    } else if (found) {
      decision.if_not_edited = action_;
      for (const std::string& warning : edit.warnings)
        decision.Note(warning);
      mail.content.Make(edit);
    }
    return decision;
  }

 private:
  [[nodiscard]] bool IsForbidden(const sdk::Attachment& attachment) const {
    if (octets_max_ > 0 && attachment.octets > octets_max_) return true;
    const std::string type = attachment.type;
    if (types_.contains(type) || types_.contains(Cat(type.substr(0, type.find('/')), "/*"))) {
      return true;
    }
    return std::any_of(attachment.names.begin(), attachment.names.end(),
                       [this](const std::string& name) { return IsForbiddenName(name); });
  }

  [[nodiscard]] bool IsForbiddenName(std::string_view name) const {
    // Windows takes "a.exe. " for "a.exe".
    name = name.substr(0, name.find_last_not_of(". \t") + 1);
    const std::size_t dot = name.rfind('.');
    return dot != std::string::npos && extensions_.contains(AsciiLower(name.substr(dot + 1)));
  }

  std::set<std::string> extensions_;
  std::set<std::string> types_;
  const std::uint64_t octets_max_;
  const bool remove_;
  const v1::Action action_;  // of mail that is not only edited
  const std::string note_;
};

void CheckLists(const Policy& settings, Faults& faults) {
  if (settings.extensions().empty() && settings.types().empty() && settings.octets_max() == 0) {
    faults.Add("", "forbids nothing; expected extensions, types or octets_max");
  }
  for (const auto& [field, list] :
       {std::pair("extensions", &settings.extensions()), std::pair("types", &settings.types())}) {
    if (static_cast<std::size_t>(list->size()) > limits::kAttachmentListMax) {
      faults.Add(field, Cat("has ", list->size(), " entries; expected at most ",
                            limits::kAttachmentListMax));
    }
  }
  for (int i = 0; i < settings.extensions_size(); ++i) {
    const std::string& text = settings.extensions(i);
    if (text.empty() || text.find_first_of(". \t/*") != std::string::npos) {
      faults.Add(Cat("extensions[", i, "]"),
                 Cat("\"", Printable(text),
                     "\" is no extension; expected one without a dot, such "
                     "as exe"));
    }
  }
  for (int i = 0; i < settings.types_size(); ++i) {
    const std::string& text = settings.types(i);
    const std::size_t slash = text.find('/');
    const bool star = text.find('*') != std::string::npos;
    if (slash == std::string::npos || slash == 0 || slash + 1 == text.size() ||
        text.find('/', slash + 1) != std::string::npos || (star && text.substr(slash) != "/*") ||
        text.find_first_of(" \t;") != std::string::npos) {
      faults.Add(Cat("types[", i, "]"), Cat("\"", Printable(text),
                                            "\" is no media type; expected one such as "
                                            "application/x-msdownload or video/*"));
    }
  }
}

}  // namespace

MailHookPtr MakeAttachmentPolicy(const Policy& settings, Faults faults) {
  CheckLists(settings, faults);
  if (settings.octets_max() < 0) {
    faults.Add("octets_max", Cat(settings.octets_max(), " is negative; expected octets"));
  }
  if (settings.if_not_removable() == Policy::REMOVE) {
    faults.Add("if_not_removable",
               "remove is what could not be done; expected bounce, drop or move_to_junk");
  }
  CheckText("note", settings.note(), limits::kMailTextOctetsMax, faults);
  CheckBounceMessage(settings.bounce_message(), faults);
  return std::make_unique<AttachmentPolicyHook>(settings);
}

}  // namespace penstock::builtin
