// SPDX-License-Identifier: Apache-2.0
#include "hooks/builtin/mail_content.h"

#include "engine/base/status_macros.h"
#include "engine/mail/header_section.h"

namespace penstock::builtin {

StatusOr<std::string_view> MailContent::HeaderSection() {
  if (state_ == State::kNothing) {
    PENSTOCK_ASSIGN_OR_RETURN(octets_, source_.HeaderSection());
    source_octets_ = octets_.size();
    state_ = State::kHeader;
  }
  if (state_ == State::kHeader) return octets_;
  const std::string_view all = octets_;
  return all.substr(0, mail::HeaderSection::Scan(all).body_offset());
}

StatusOr<std::string_view> MailContent::Whole() {
  if (state_ != State::kWhole) {
    PENSTOCK_ASSIGN_OR_RETURN(const std::string rest, source_.Rest(source_octets_));
    octets_ += rest;
    source_octets_ += rest.size();
    state_ = State::kWhole;
  }
  return octets_;
}

void MailContent::Make(const sdk::Edit& edit) {
  if (!edit.changes()) return;
  octets_ = sdk::Apply(edit, octets_);
  changed_ = true;
}

}  // namespace penstock::builtin
