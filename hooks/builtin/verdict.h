// SPDX-License-Identifier: Apache-2.0
// Decisions made one, and into an answer that says the same by the rules of H7 to H10.
#pragma once

#include <string>
#include <string_view>

#include "hooks/builtin/mail_hook.h"
#include "hooks/sdk/answer.h"

namespace penstock::builtin {

// Adds what a later step says.
void Merge(Decision next, Decision& decision);

// Says that the edits of a decision cannot be put, and why.
void RefuseEdits(std::string_view why, Decision& decision);

// Returns the answer for the mail's direction. Of several actions for a recipient the most
// restrictive counts: DROP, BOUNCE, MOVE_TO_JUNK, BYPASS_SPAM_CHECK, then none. Outbound, where
// there is neither junk nor bypass, those become DEFAULT, and `decision` gets a note.
sdk::Answer ToAnswer(const v1::Event& event, Decision& decision);

// Returns an action of that type; `message` is for a BOUNCE.
v1::Action ActionOf(v1::Action::Type type, const std::string& message = {});

}  // namespace penstock::builtin
