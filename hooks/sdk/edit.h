// SPDX-License-Identifier: Apache-2.0
// An edit of a message, as the octets that change: all others stay as they came, so that signatures
// over them hold and no mailer's habit is "corrected".
//
// A hook edits in three steps: Get what the edit needs (header_edit.h: the header section;
// body_edit.h: the whole message), make the Edit, Put what Apply returns. An edit that cannot be
// made safely says why in `refusal` and changes nothing: log it, and let the mail go as it came.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sdk {

struct Splice {
  std::size_t offset = 0;  // of the first octet that goes, or before which the text comes
  std::size_t octets = 0;  // that go
  std::string text;        // that comes

  bool operator==(const Splice&) const = default;
};

struct Edit {
  std::vector<Splice> splices;        // in the order of their offsets; none overlaps another
  std::string refusal;                // why this mail is not edited; empty if it is
  std::vector<std::string> warnings;  // for the hook's author: what the edit breaks

  [[nodiscard]] bool changes() const { return !splices.empty(); }
};

// Returns `octets` with the splices done. `octets`: the message, or so much of its beginning as the
// edit was made from; what follows is to be sent on behind it as it is.
std::string Apply(const Edit& edit, std::string_view octets);

}  // namespace penstock::sdk
