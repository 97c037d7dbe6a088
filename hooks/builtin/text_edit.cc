// SPDX-License-Identifier: Apache-2.0
#include "hooks/builtin/text_edit.h"

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "hooks/sdk/header_edit.h"

namespace penstock::builtin {
namespace {

sdk::Disclaimer Read(const v1::MailText& text, bool top, Faults& faults) {
  if (TrimAsciiSpace(text.text()).empty()) {
    faults.Add("text", "missing; expected the text for text/plain");
  }
  CheckText("text", text.text(), limits::kMailTextOctetsMax, faults);
  CheckText("html", text.html(), limits::kMailTextOctetsMax, faults);
  return {text.text(), text.html(), top};
}

// A mail that is not in memory is one that cannot be edited.
Status Put(const Mail& mail, const sdk::Disclaimer& text, Decision& decision) {
  const StatusOr<std::string_view> whole = mail.content.Whole();
  if (whole.status().code() == StatusCode::kFailedPrecondition) {
    decision.Note(std::string(Message(whole.status())));
    return OkStatus();
  }
  PENSTOCK_RETURN_IF_ERROR(whole.status());
  PENSTOCK_ASSIGN_OR_RETURN(const sdk::Edit edit, sdk::AddDisclaimer(*whole, text));
  if (!edit.refusal.empty()) decision.Note(Cat("text not put in: ", edit.refusal));
  for (const std::string& warning : edit.warnings)
    decision.Note(warning);
  mail.content.Make(edit);
  return OkStatus();
}

}  // namespace

void TextEdit::SetTop(const v1::MailText& text, Faults faults) {
  top_ = Read(text, true, faults);
}

void TextEdit::SetBottom(const v1::MailText& text, Faults faults) {
  bottom_ = Read(text, false, faults);
}

void TextEdit::SetTag(const std::string& tag, Faults& faults) {
  tag_ = tag;
  if (tag.empty()) return;
  const StatusOr<sdk::Edit> tried = sdk::TagSubject("Subject: hello\r\n\r\n", tag);
  if (!tried.ok()) faults.Add("subject_tag", Message(tried.status()));
}

Status TextEdit::Make(const Mail& mail, Decision& decision) const {
  if (bottom_) PENSTOCK_RETURN_IF_ERROR(Put(mail, *bottom_, decision));
  if (top_) PENSTOCK_RETURN_IF_ERROR(Put(mail, *top_, decision));
  if (tag_.empty()) return OkStatus();
  PENSTOCK_ASSIGN_OR_RETURN(const std::string_view header, mail.content.HeaderSection());
  PENSTOCK_ASSIGN_OR_RETURN(const sdk::Edit edit, sdk::TagSubject(header, tag_));
  if (!edit.refusal.empty()) decision.Note(Cat("subject not tagged: ", edit.refusal));
  for (const std::string& warning : edit.warnings)
    decision.Note(warning);
  mail.content.Make(edit);
  return OkStatus();
}

}  // namespace penstock::builtin
