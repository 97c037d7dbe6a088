// SPDX-License-Identifier: Apache-2.0
// The protocol side of a connection that hands us mail, by SMTP (RFC 5321) or LMTP (RFC 2033):
// which command may come when, and what is replied. No sockets, no clock: SmtpConnection feeds it
// lines and does what it says.
//
//   Greeting ─► OnLine* ─► (kContent) ─► BeginContent ─► [content is read] ─► EndContent ─► OnLine*
//                  ─► (kChunk) ─► [the chunk is read] ─► EndChunk ─► OnLine*
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/mail/envelope.h"
#include "engine/mail/smtp_command.h"
#include "engine/mail/smtp_reply.h"

namespace penstock::ingress {

// STARTTLS (RFC 3207).
enum class StartTls {
  kNone,     // not offered
  kMay,      // offered
  kEncrypt,  // no mail without it
};

struct SmtpSessionSettings {
  std::string host_name;  // ours, in the greeting
  std::uint64_t message_octets_max = 0;
  StartTls starttls = StartTls::kNone;
  bool lmtp = false;  // RFC 2033: LHLO, and a reply to the content for each recipient
};

class SmtpSession {
 public:
  // Whether a RCPT may be taken for what `envelope` is so far: nullopt if so, else the reply.
  using RefuseRecipient = std::function<std::optional<mail::SmtpReply>(
      const mail::ClientInfo& client, const mail::Envelope& envelope,
      std::string_view forward_path)>;

  // Whether a MAIL may be taken, for a message of so many octets, if it says so (RFC 1870).
  using RefuseMail =
      std::function<std::optional<mail::SmtpReply>(std::optional<std::uint64_t> octets)>;

  // Whether a client's address is one of a trusted network (O3).
  using IsTrusted = std::function<bool(std::string_view address)>;

  enum class Next {
    kLine,   // read another line
    kChunk,  // BDAT: read chunk().octets, which are no commands whatever becomes of them; EndChunk
    kContent,  // DATA may be taken: make room for the content, then BeginContent or RefuseContent
    kClose,    // send the reply, close
    kTls,      // nothing may have come behind the line: send the reply, then TLS, then OnTls
    // A DATA was refused, or a line that may have been one. If octets have come behind it, the
    // client did not wait for our reply, and they are content: read as commands they would do what
    // their author wants. Close then.
    kCloseUnlessQuiet,
  };

  struct Step {
    std::string reply;  // for the wire
    Next next = Next::kLine;
  };

  // What follows a BDAT (RFC 3030).
  struct Chunk {
    std::uint64_t octets = 0;
    bool last = false;  // the content ends with it
    bool drop = false;  // it is none of the content: the BDAT was refused
  };

  // Why a line was not read as a command.
  enum class LineFault { kTooLong, kBareLf };

  SmtpSession(SmtpSessionSettings settings, mail::ClientInfo client,
              RefuseRecipient refuse_recipient, RefuseMail refuse_mail = {},
              IsTrusted is_trusted = {});

  [[nodiscard]] std::string Greeting() const;

  // A line without its CRLF.
  Step OnLine(std::string_view line);
  Step OnLineFault(LineFault fault);

  // All goes through TLS from here on, and the client has said nothing yet (RFC 3207 §4.2). One
  // that has shown a certificate that counts is trusted (O3).
  void OnTls(bool trusted);

  // The content may come: gives the 354.
  std::string BeginContent();
  // In its place: the transaction is over, since there is no room for it.
  Step RefuseContent(const mail::SmtpReply& reply);
  // The transaction is over, by what became of its content. By LMTP each RCPT that was taken has a
  // reply (RFC 2033 §4.2): that of its recipient in `each`, which go by envelope().forward_paths;
  // or `reply`, where `each` is empty.
  Step EndContent(const mail::SmtpReply& reply, const std::vector<mail::SmtpReply>& each = {});

  // The transaction's content may hold any octets (BODY=BINARYMIME).
  [[nodiscard]] bool is_binary() const { return binary_; }

  // Behind kChunk.
  [[nodiscard]] const Chunk& chunk() const { return chunk_; }

  // The chunk was read. What became of the content so far; of the last chunk as in EndContent. The
  // arguments are unused where it was dropped.
  Step EndChunk(const mail::SmtpReply& reply = {}, const std::vector<mail::SmtpReply>& each = {});

  // The reply before we close the connection of our own accord: 421 with that text.
  [[nodiscard]] std::string Farewell(const mail::EnhancedStatus& status,
                                     std::string_view text) const;

  // Between MAIL and the end of its transaction.
  [[nodiscard]] bool in_transaction() const { return in_transaction_; }

  [[nodiscard]] const mail::Envelope& envelope() const { return envelope_; }

  // With `helo` and `with` of the transaction; as XCLIENT has it, if that was said.
  [[nodiscard]] const mail::ClientInfo& client() const { return client_; }

 private:
  Step OnCommand(const mail::SmtpCommand& command);
  Step OnHello(const mail::SmtpCommand& command);
  Step OnStartTls(const mail::SmtpCommand& command);
  Step OnXforward(const mail::SmtpCommand& command);
  Step OnXclient(const mail::SmtpCommand& command);
  Step OnMail(const mail::SmtpCommand& command);
  Step OnRcpt(const mail::SmtpCommand& command);
  Step OnData();
  Step OnBdat(const mail::SmtpCommand& command);
  Step DropChunk(const mail::SmtpCommand& command, Step step);
  Step Say(const mail::SmtpReply& reply, Next next = Next::kLine);
  Step Refuse(const mail::SmtpReply& reply, Next next = Next::kLine);

  [[nodiscard]] mail::SmtpReply NoRecipients() const;

  [[nodiscard]] std::string_view Hello() const { return settings_.lmtp ? "LHLO" : "EHLO"; }

  void Reset();

  SmtpSessionSettings settings_;
  mail::ClientInfo client_;
  RefuseRecipient refuse_recipient_;
  RefuseMail refuse_mail_;
  IsTrusted is_trusted_;
  bool may_xclient_ = false;  // the peer itself is trusted, whoever it speaks for
  bool spoken_for_ = false;   // XCLIENT was said: the client is not the peer
  bool tls_ = false;
  bool greeted_ = false;   // by HELO, EHLO or LHLO
  bool extended_ = false;  // by EHLO or LHLO
  bool in_transaction_ = false;
  bool binary_ = false;        // BODY=BINARYMIME was said
  bool in_chunks_ = false;     // BDAT has begun the content of the transaction
  bool mail_refused_ = false;  // what a client pipelined behind a refused MAIL is no fault of its
  int bad_commands_ = 0;
  Chunk chunk_;
  Step after_chunk_;                              // what is said to one that is dropped
  std::optional<mail::SmtpReply> chunk_refusal_;  // an earlier one of the transaction was refused
  mail::Envelope envelope_;
  std::map<std::string, std::size_t> recipient_keys_;  // places in forward_paths, by key (R3)
  std::vector<std::size_t> taken_;  // LMTP: of each RCPT that was taken, its place there
};

}  // namespace penstock::ingress
