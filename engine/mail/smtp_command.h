// SPDX-License-Identifier: Apache-2.0
// One SMTP or LMTP command line, read (RFC 5321 §4.1.1, RFC 2033 §4.1, RFC 6531, RFC 1870, RFC
// 6152, RFC 3030, RFC 3461). Grammar only: whether a command comes at the right time is the
// session's business.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/mail/dsn_parameters.h"
#include "engine/mail/smtp_reply.h"

namespace penstock::mail {

enum class SmtpVerb : std::uint8_t {
  kHelo,
  kEhlo,
  kLhlo,
  kMail,
  kRcpt,
  kData,
  kBdat,
  kRset,
  kNoop,
  kQuit,
  kVrfy,
  kExpn,
  kHelp,
  kStarttls,
  kAuth,
  kXclient,
  kXforward,
};

// "MAIL" and the like.
std::string_view Name(SmtpVerb verb);

// KEYWORD[=value] behind a path, or an attribute of XCLIENT and XFORWARD.
struct EsmtpParameter {
  std::string keyword;               // in upper case
  std::optional<std::string> value;  // as given; of XCLIENT and XFORWARD with xtext decoded
  friend bool operator==(const EsmtpParameter&, const EsmtpParameter&) = default;
};

struct SmtpCommand {
  SmtpVerb verb = SmtpVerb::kNoop;

  // MAIL, RCPT: the path without angle brackets and source route, checked as a mailbox; "" is the
  // null reverse path; RCPT also "Postmaster" without a domain. Others: all after the verb, without
  // white space around it.
  std::string argument;

  // MAIL: SIZE=, octets. BDAT: octets of the chunk.
  std::optional<std::uint64_t> size;
  bool last = false;  // BDAT: LAST

  // MAIL
  bool body_8bit = false;    // BODY=8BITMIME, BODY=BINARYMIME
  bool body_binary = false;  // BODY=BINARYMIME (RFC 3030 §3)
  bool smtputf8 = false;     // SMTPUTF8
  MessageDsn dsn;            // RET=, ENVID=

  RecipientDsn recipient_dsn;  // RCPT: NOTIFY=, ORCPT=

  // MAIL, RCPT: the parameters that the caller asked for. XCLIENT, XFORWARD: the attributes.
  std::vector<EsmtpParameter> parameters;

  friend bool operator==(const SmtpCommand&, const SmtpCommand&) = default;
};

// Reads a command line without its CRLF. `known_parameters` are the keywords, in upper case, that
// the caller understands behind MAIL or RCPT besides those above; any other is refused
// with 555 5.5.4 (RFC 5321 §4.1.1.11).
//   Gives the reply to send if the line is no command: 500 for an unknown verb, 501 for bad
//   arguments, 553 5.6.7 for a non-ASCII MAIL path without SMTPUTF8 (RFC 6531 §3.5). That a
//   non-ASCII RCPT path needs SMTPUTF8 is for the session to see: IsAscii(argument).
//   Taken although RFC 5321 has it otherwise, since clients send it and every large server takes
//   it: white space around the colon (`MAIL FROM: <a@b>`), a path without angle brackets, white
//   space at the end.
std::variant<SmtpCommand, SmtpReply> ParseSmtpCommand(
    std::string_view line, const std::vector<std::string_view>& known_parameters = {});

}  // namespace penstock::mail
