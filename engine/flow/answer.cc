// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/answer.h"

#include <cstddef>
#include <string_view>

#include "engine/flow/json_text.h"

namespace penstock::flow {
void AppendJson(std::string& out, const Answer& answer) {
  out += "{\"actions\":[";
  for (const AnswerEntry& entry : answer.actions) {
    if (&entry != answer.actions.data()) out += ',';
    out += "{\"action\":{\"type\":";
    AppendJsonString(out, entry.type);
    if (entry.bounce_message) {
      out += ",\"parameters\":{\"bounceMessage\":";
      AppendJsonString(out, *entry.bounce_message);
      out += '}';
    }
    out += '}';
    if (entry.has_recipients || !entry.recipients.empty()) {
      out += ",\"recipients\":[";
      for (const std::string& recipient : entry.recipients) {
        if (&recipient != entry.recipients.data()) out += ',';
        AppendJsonString(out, recipient);
      }
      out += ']';
    }
    if (entry.all_recipients) out += ",\"allRecipients\":true";
    out += '}';
  }
  out += "]}";
}

}  // namespace penstock::flow
