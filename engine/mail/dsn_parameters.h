// SPDX-License-Identifier: Apache-2.0
// What a sender wants to be told of delivery: the parameters of MAIL and RCPT that the SMTP
// extension DSN has (RFC 3461 §4, RFC 6533 §3).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::mail {

// RET: what of the message a notification of failure carries.
enum class DsnReturn : std::uint8_t { kUnset, kFull, kHeaders };

// Of MAIL.
struct MessageDsn {
  DsnReturn ret = DsnReturn::kUnset;
  std::string envelope_id;  // ENVID as given, in xtext; empty: none
  friend bool operator==(const MessageDsn&, const MessageDsn&) = default;
};

// Of RCPT.
struct RecipientDsn {
  // NOTIFY; given without any of the three: NEVER.
  bool notify_given = false;
  bool success = false;
  bool failure = false;
  bool delay = false;
  std::string original_recipient;  // ORCPT as given: "rfc822;" and xtext; empty: none

  // Without NOTIFY a sender is told of failure, as ever (RFC 3461 §4.1).
  [[nodiscard]] bool wants_failure() const { return failure || !notify_given; }

  friend bool operator==(const RecipientDsn&, const RecipientDsn&) = default;
};

// Reads a parameter, `keyword` in upper case. False: it is none of these. `fault` says what is
// wrong with one that is, for 501 5.5.4.
bool ReadMailDsn(std::string_view keyword, const std::optional<std::string>& value, MessageDsn& dsn,
                 std::string& fault);
bool ReadRcptDsn(std::string_view keyword, const std::optional<std::string>& value,
                 RecipientDsn& dsn, std::string& fault);

// Return the parameters as they go on, each behind a space: the same values (RFC 3461 §5.2.1).
//   `utf8`: the server offers SMTPUTF8; else an ORCPT that is not ASCII goes in RFC 6533's other
//   form.
std::string MailParameters(const MessageDsn& dsn);
std::string RcptParameters(const RecipientDsn& dsn, bool utf8);

// Returns an address as RFC 6533 §3 writes it beside the type "utf-8": what is not ASCII as it is
// if `utf8` (utf-8-addr-unitext), else as "\x{F6}" (utf-8-addr-xtext).
std::string Utf8Address(std::string_view address, bool utf8);

}  // namespace penstock::mail
