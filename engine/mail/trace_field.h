// SPDX-License-Identifier: Apache-2.0
// Our Received field (RFC 5321 §4.4) and the loops it stops (SPEC A4, RFC 5321 §6.3).
//
//   Received: from mail.a.example ([192.0.2.1])
//   <TAB>by mx.b.example (Penstock organization=default direction=INBOUND)
//   <TAB>with ESMTPS id 0b1e2d3c-…; Sat, 21 Nov 2026 19:48:00 +0000
//
// Organization and direction alone do not name us: two installations on a message's way may both
// call their organization "default". So the host after "by" belongs to the token.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/base/time.h"
#include "engine/mail/envelope.h"
#include "engine/mail/header_section.h"

namespace penstock::mail {

// Who we are for a message. Meeting the same token again is a loop.
struct TraceToken {
  std::string host;          // our own name, as configured
  std::string organization;  // name of the organization (O1)
  std::string direction;     // "INBOUND" or "OUTBOUND"
};

// How a message came, for "with" (RFC 3848, RFC 6531 §4.3).
struct Transmission {
  enum class Base { kSmtp, kEsmtp, kLmtp } base = Base::kEsmtp;
  bool smtputf8 = false;
  bool tls = false;
  bool authenticated = false;
};

// Returns "ESMTPSA", "UTF8LMTP" and the like. SMTP without extensions has no variants.
std::string_view Name(const Transmission& transmission);

struct TraceField {
  ClientInfo client;  // helo and address are used; both empty: no "from"
  TraceToken by;
  std::string_view with;  // Name(Transmission); empty: left out (a library call)
  std::string id;         // MessageId
  Time date;
};

// Returns the whole field, folded, with its last CRLF; to be put before all other fields.
//   Whatever a client called itself cannot add a field, a line or a token: a HELO that is neither
//   a domain nor an address literal appears in a comment, with every odd octet as "?".
std::string ReceivedField(const TraceField& trace);

enum class MailLoop { kSameToken, kTooManyHops };

// Returns why the message must not go on: a Received field that carries `token` already (host and
// organization compared without regard to ASCII case), or more than limits::kReceivedFieldsMax.
std::optional<MailLoop> FindLoop(const HeaderSection& header, const TraceToken& token);

}  // namespace penstock::mail
