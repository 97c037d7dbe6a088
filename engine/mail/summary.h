// SPDX-License-Identifier: Apache-2.0
// What rules (SPEC R4), the event (E2, E4) and bounces (A3) need to know of a header section.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "engine/mail/header_section.h"
#include "engine/mail/mailbox.h"

namespace penstock::mail {

struct Summary {
  // The mailboxes of all Sender, and of all From fields, in order. Several fields count with all
  // their addresses; an unparsable field counts as absent (R4).
  std::vector<Mailbox> sender;
  std::vector<Mailbox> from;

  std::optional<std::string> subject;  // of the first Subject field, decoded; null: no such field
  std::string msg_id;              // first Message-ID field, as Printable shows it; may be empty
  std::size_t received_count = 0;  // Received fields (A4)

  // Auto-Submitted with any keyword but "no" (RFC 3834 §5). Precedence does not count: lists of
  // people carry it as well.
  bool auto_submitted = false;
  // The first Content-Type is multipart/report of type delivery-status, or of no type (RFC 3464
  // §2).
  bool is_dsn = false;

  friend bool operator==(const Summary&, const Summary&) = default;
};

// Returns what `header` says. It owns its text: nothing points into `header`.
Summary Summarize(const HeaderSection& header);

}  // namespace penstock::mail
