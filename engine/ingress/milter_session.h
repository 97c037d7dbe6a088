// SPDX-License-Identifier: Apache-2.0
// The protocol side of a connection on which an MTA asks us about its mail: which event may come
// when, what is replied, and what a decision looks like on this wire. No sockets, no clock:
// MilterConnection feeds it events and does what it says.
//
//   OnEvent* ─► (kMessage) ─► [the message is decided] ─► EndMessage ─► OnEvent*
//
// Every event that has a reply gets exactly one: see milter_step.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/mail/envelope.h"
#include "engine/mail/milter_content.h"
#include "engine/mail/milter_frame.h"
#include "engine/mail/smtp_reply.h"
#include "engine/runtime/held_reply.h"

namespace penstock::ingress {

// A field that marks a message (A1).
struct MilterMarking {
  std::string name;
  std::string value;
};

struct MilterSessionSettings {
  std::uint64_t message_octets_max = 0;
  MilterMarking junk;
  MilterMarking bypass_spam_check;
};

class MilterSession {
 public:
  // Whether an SMTP client's address is one of a trusted network (O3).
  using IsTrusted = std::function<bool(std::string_view address)>;
  // As in SmtpSession.
  using RefuseMail =
      std::function<std::optional<mail::SmtpReply>(std::optional<std::uint64_t> octets)>;
  using RefuseRecipient = std::function<std::optional<mail::SmtpReply>(
      const mail::ClientInfo& client, const mail::Envelope& envelope,
      std::string_view forward_path)>;

  enum class Next : std::uint8_t {
    kFrame,    // read another
    kContent,  // keep `content`, which belongs to the message; Refuse instead of `reply` if it
               // fails
    kMessage,  // keep `content`; the message is complete: decide, then EndMessage
    kForget,   // the message is given up: drop what was kept of it
    kClose,    // send `reply`, close
  };

  struct Step {
    std::string reply = {};  // for the wire; may be empty
    Next next = Next::kFrame;
    std::string content = {};
    std::string fault = {};  // with kClose: what the MTA did
  };

  // `settings` outlive the object; `listener` is its name for the record.
  MilterSession(const MilterSessionSettings& settings, std::string listener, IsTrusted is_trusted,
                RefuseMail refuse_mail, RefuseRecipient refuse_recipient);

  Step OnEvent(const mail::MilterEvent& event);

  // The message cannot be taken: says so in place of the step's reply, and forgets it.
  Step Refuse(const mail::SmtpReply& reply);

  // What was decided. `header_section`: of the message. Deletes every spelling of a recipient that
  // is not the MTA's any more; where none is left, discards: an MTA that has no recipients left
  // answers 250 and loses the mail.
  Step EndMessage(const runtime::HeldReply& held, std::string_view header_section);

  [[nodiscard]] const mail::Envelope& envelope() const { return envelope_; }

  [[nodiscard]] const mail::ClientInfo& client() const { return client_; }

  // For the log: the MTA's name for its message, "" if it gives none.
  [[nodiscard]] std::string queue_id() const { return Macro("i", "EBNLTRM"); }

  // The same: the MTA's service that the client is connected to. Of the connection alone: past the
  // header Postfix's cleanup speaks, which has another idea of it.
  [[nodiscard]] std::string daemon_name() const { return Macro("daemon_name", "C"); }

 private:
  Step On(const mail::MilterNegotiation& negotiation);
  Step On(const mail::MilterMacros& macros);
  Step On(const mail::MilterConnect& connect);
  Step On(const mail::MilterHello& hello);
  Step On(const mail::MilterPath& path);
  Step On(const mail::MilterHeader& header);
  Step On(const mail::MilterBody& body);
  Step On(const mail::MilterEnd& end);
  Step On(mail::MilterSignal signal);
  Step OnMail(const mail::MilterPath& path);
  Step OnRecipient(const mail::MilterPath& path);
  Step OutOfStep(std::string_view what);
  Step Keep(std::string content, Next next = Next::kContent);
  [[nodiscard]] std::string Macro(std::string_view name, std::string_view stages) const;
  std::string TakeMacro(std::string_view name, char stage);
  [[nodiscard]] std::string Mark(flow::Marking marking, std::string_view header_section) const;
  void Reset();

  const MilterSessionSettings& settings_;
  const IsTrusted is_trusted_;
  const RefuseMail refuse_mail_;
  const RefuseRecipient refuse_recipient_;
  mail::ClientInfo client_;
  bool negotiated_ = false;
  bool leading_space_ = false;
  bool in_transaction_ = false;
  bool in_header_ = false;
  bool in_body_ = false;
  mail::Envelope envelope_;
  std::map<std::string, std::size_t> recipient_keys_;  // places in forward_paths, by key (R3)
  std::vector<std::vector<std::string>> given_;        // of each forward path: all its spellings
  std::map<char, std::vector<std::pair<std::string, std::string>>> macros_;  // by stage
  std::optional<mail::MilterContent> content_;
};

}  // namespace penstock::ingress
