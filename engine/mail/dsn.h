// SPDX-License-Identifier: Apache-2.0
// Delivery status notifications: what the sender of mail is told of its delivery (RFC 3461 §6, RFC
// 3464, RFC 6533; SPEC A3). Pure: time, names and random parts come from the caller.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.h"
#include "engine/mail/smtp_reply.h"
#include "engine/mail/summary.h"

namespace penstock::mail {

// RFC 3464 §2.3.3.
enum class DsnAction : std::uint8_t { kFailed, kDelivered, kRelayed };

// One recipient, and what became of the message for it.
struct DsnRecipient {
  std::string final_recipient;  // as in RCPT
  EnhancedStatus status;        // none: 5.0.0, of success 2.0.0
  // The text that a rule or hook gave for the sender; cleaned here (CleanBounceMessage).
  std::string bounce_message;
  // What the next hop answered, and the host that did; absent where we decided ourselves.
  std::optional<SmtpReply> diagnostic;
  std::string remote_mta;
  DsnAction action = DsnAction::kFailed;
  std::string original_recipient{};  // ORCPT as given (RecipientDsn); empty: none
  std::string reason{};              // ours, in English, where neither of the two says why
};

struct Dsn {
  std::string reporting_mta;             // our host name
  std::string reverse_path;              // of the message: whom we tell; not null
  Time arrival_date;                     // of the message
  std::vector<DsnRecipient> recipients;  // at least one
  // Octets of the message's header section (HeaderSection::octets()). Its first
  // limits::kDsnHeaderOctetsMax octets, in whole fields, are attached.
  std::string_view original_header;
  // The whole message, for a sender who asked for it (RET=FULL); goes where a recipient failed, in
  // place of the header section, if it can stand in a part as it is. Empty: the header section.
  std::string_view original_content;
  std::string envelope_id;  // ENVID as given, in xtext; empty: none
  // The DSN travels with SMTPUTF8 and 8BITMIME, so addresses stand in it as they are. It has to if
  // `reverse_path` is not ASCII, and is taken to then.
  bool smtputf8 = false;

  // Of the notification itself.
  std::string msg_id;    // without angle brackets: "uuid@host"
  std::string boundary;  // hexadecimal digits that occur nowhere else: 32 random ones
  Time date;
};

// Returns the whole message, header section and body, with CRLF, every line at most 998 octets, and
// 7-bit unless `smtputf8` or `original_content` is not. Its envelope has a null reverse path.
std::string BuildDsn(const Dsn& dsn);

// Returns a hook's or rule's bounce text as it may be shown to a sender: valid UTF-8, line ends as
// \n, tabs as spaces, other control characters removed, at most
// limits::kBounceMessageCodePointsMax code points, no white space at its ends.
std::string CleanBounceMessage(std::string_view text);

// Whether the sender of a message may be told by a DSN: not a null reverse path, not an
// auto-submitted message (RFC 3834 §2), not a DSN.
bool MayBounce(std::string_view reverse_path, const Summary& summary);

}  // namespace penstock::mail
