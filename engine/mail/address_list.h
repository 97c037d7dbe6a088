// SPDX-License-Identifier: Apache-2.0
// The mailboxes of an address field (From, Sender, To …; RFC 5322 §3.4), read by GMime.
#pragma once

#include <string_view>
#include <vector>

#include "engine/mail/mailbox.h"

namespace penstock::mail {

// Returns the mailboxes of a field's raw body in order, those in groups too, without display names,
// comments and source routes. Local parts and domains are as written.
//   Unparsable, whole or in part: what could be read, and nothing if that is nothing. A mailbox
//   whose domain is missing, or is neither a domain nor an address literal, is none; so every
//   mailbox here has a domain that NormalizeDomain or IsAddressLiteral takes. Local parts are not
//   held to SMTP's rules (two dots in a row): such mail exists, and its domain is what rules ask
//   for. A field with NUL in it, with more than limits::kAddressFieldOctetsMax octets, or with more
//   colons than limits::kAddressFieldColonsMax is unparsable.
std::vector<Mailbox> ParseAddressList(std::string_view raw_body);

}  // namespace penstock::mail
