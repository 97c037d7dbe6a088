// SPDX-License-Identifier: Apache-2.0
// Text put into mail, and a tag before its subject: what disclaimer and external_banner share.
#pragma once

#include <optional>
#include <string>

#include "hooks/builtin/kinds.h"
#include "hooks/sdk/disclaimer.h"

namespace penstock::builtin {

class TextEdit {
 public:
  // Errors go to `faults`: texts that are empty, too long, or no UTF-8; a tag that is too long.
  void SetTop(const v1::MailText& text, Faults faults);
  void SetBottom(const v1::MailText& text, Faults faults);
  void SetTag(const std::string& tag, Faults& faults);

  [[nodiscard]] bool empty() const { return !top_ && !bottom_ && tag_.empty(); }

  // Edits the mail. Text that cannot be put there safely is left out, and noted. Errors: those of
  // reading it.
  Status Make(const Mail& mail, Decision& decision) const;

 private:
  std::optional<sdk::Disclaimer> top_;
  std::optional<sdk::Disclaimer> bottom_;
  std::string tag_;
};

}  // namespace penstock::builtin
