// SPDX-License-Identifier: Apache-2.0
// A hook's answer as it came, not yet judged (SPEC H5). wire/ makes it from the typed form or from
// JSON; Resolve (resolve.h) judges and applies it.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace penstock::flow {

// One element of `actions`.
struct AnswerEntry {
  std::string type;                           // "DROP"; any text; empty: none was given
  std::optional<std::string> bounce_message;  // action.parameters.bounceMessage
  std::vector<std::string> recipients;        // as written by the hook
  bool has_recipients = false;                // the list was there, empty or not
  bool all_recipients = false;
  friend bool operator==(const AnswerEntry&, const AnswerEntry&) = default;
};

struct Answer {
  std::vector<AnswerEntry> actions;
  // A typed answer cannot tell an empty list of recipients from none, so has_recipients says
  // nothing there (H6).
  bool typed = false;
  friend bool operator==(const Answer&, const Answer&) = default;
};

// Appends `answer` as compact JSON in the form of H5: what the record keeps of it (A6).
void AppendJson(std::string& out, const Answer& answer);

}  // namespace penstock::flow
