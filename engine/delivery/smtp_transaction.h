// SPDX-License-Identifier: Apache-2.0
// One transaction with a mail server, as its client sees it: what is said, and what the replies
// mean for each recipient. No I/O: SmtpClient has that.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/delivery/outgoing_content.h"
#include "engine/mail/dsn_parameters.h"
#include "engine/mail/envelope.h"
#include "engine/mail/smtp_reply.h"

namespace penstock::delivery {

// What a server said in its reply to EHLO (RFC 5321 §4.1.1.1).
struct ServerExtensions {
  bool pipelining = false;            // RFC 2920
  bool size = false;                  // RFC 1870
  bool eight_bit_mime = false;        // RFC 6152
  bool smtputf8 = false;              // RFC 6531
  bool starttls = false;              // RFC 3207
  bool chunking = false;              // RFC 3030
  bool binary_mime = false;           // RFC 3030 §3
  bool dsn = false;                   // RFC 3461
  std::vector<std::string> auth;      // RFC 4954: mechanisms
  std::vector<std::string> xforward;  // attributes of Postfix's XFORWARD
};

// Reads the reply to EHLO; the reply to HELO gives none.
ServerExtensions ParseExtensions(std::string_view ehlo_text);

struct SmtpTransaction {
  std::string reverse_path;
  std::vector<std::string> forward_paths;  // at least one
  bool smtputf8 = false;                   // it came with it
  bool body_8bit = false;
  bool body_binary = false;  // DATA cannot carry it: OutgoingContent::NeedsBinary
  mail::MessageDsn dsn;
  std::vector<mail::RecipientDsn> recipients_dsn;  // one for each forward path, or none
  mail::ClientInfo client;                         // for XFORWARD; of a bounce nothing
  std::string message;                             // our id of it, for XFORWARD
  OutgoingContent* content = nullptr;  // outlives the transaction; read from its beginning
};

// Returns `path` with `detail` behind its local part and a "+", in place of what it has there:
// "user+Junk@own.example". A path without a domain stays as it is.
std::string WithSubaddress(std::string_view path, std::string_view detail);

// Returns `path` without what stands behind its "+" if that is one of our markings, in any case and
// however it is quoted (A1). A path that would be empty then stays as it is.
std::string WithoutMarking(std::string_view path, const MarkingFields& marking);

bool IsTaken(const mail::SmtpReply& reply);

bool IsRefusal(const mail::SmtpReply& reply);

// Returns XFORWARD and its attributes, as many lines as are needed, without CRLF: what the
// client said of whose mail it hands on, else what we know of the client, as far as `offered` has
// it. None if nothing is known.
std::vector<std::string> ForwardLines(const SmtpTransaction& transaction,
                                      const std::vector<std::string>& offered);

// The envelope as a row of commands: MAIL, one RCPT for each path that can be sent, DATA. Binary
// content has no DATA: its BDAT goes with it.
struct SmtpCourse {
  // Sets aside the recipients that this server cannot be given.
  SmtpCourse(SmtpTransaction t, const ServerExtensions& extensions);

  [[nodiscard]] std::size_t data_command() const { return recipients.size() + 1; }

  [[nodiscard]] std::size_t commands() const {
    return data_command() + (transaction.body_binary ? 0 : 1);
  }

  [[nodiscard]] std::string CommandLine(std::size_t command,
                                        const ServerExtensions& extensions) const;

  [[nodiscard]] bool IsOpen(std::size_t recipient) const;

  // After RCPT: who awaits the content.
  [[nodiscard]] bool any_taken() const;

  // Gives `reply` to every recipient whose fate is open; returns whether there was one.
  bool SetAll(const mail::SmtpReply& reply);

  // As TransactionResult has it.
  [[nodiscard]] std::vector<std::size_t> LeftOver() const;

  SmtpTransaction transaction;
  bool utf8 = false;                    // MAIL says SMTPUTF8
  std::vector<std::size_t> recipients;  // indexes of forward paths, one for each RCPT
  std::vector<std::optional<mail::SmtpReply>> replies;
  std::vector<bool> settled;  // the reply is to the content, and for this recipient alone
  std::optional<mail::SmtpReply> data_reply;
  bool mail_refused = false;
  bool content_begun = false;
  bool served = false;    // the server judged the content; by SMTP: took it
  bool farewell = false;  // 421 was said
  bool broken = false;    // the connection is of no use any more
  bool lost_any = false;  // a recipient's fate was open when that happened
  bool cancelled = false;
};

}  // namespace penstock::delivery
