// SPDX-License-Identifier: Apache-2.0
// The mailboxes of an address field (From, Sender, To …; RFC 5322 §3.4), read by GMime.
#pragma once

#include <string_view>
#include <vector>

#include "engine/mail/mailbox.h"

namespace penstock::mail {

// Returns the mailboxes of a field's raw body in order, those in groups too; comments, display
// names and source routes are left out, quotes without need are removed. Domains are as written.
//   Unparsable, whole or in part: what could be read, and nothing if that is nothing. A mailbox
//   without a domain is none. Local parts that SMTP would refuse (two dots in a row) are taken:
//   such mail exists, and its domain is what rules ask for. A field with NUL in it, or over
//   limits::kHeaderSectionOctetsMax, is unparsable.
std::vector<Mailbox> ParseAddressList(std::string_view raw_body);

}  // namespace penstock::mail
