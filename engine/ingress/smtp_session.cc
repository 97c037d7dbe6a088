// SPDX-License-Identifier: Apache-2.0
#include "engine/ingress/smtp_session.h"

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/ingress/network_set.h"
#include "engine/mail/mailbox.h"
#include "engine/mail/trace_field.h"

namespace penstock::ingress {
namespace {

using mail::ReplyCharset;
using mail::SmtpCommand;
using mail::SmtpReply;
using mail::SmtpVerb;

// A browser that a web page has made talk to us: its request's body must not be read as commands.
bool IsHttpRequest(std::string_view line) {
  static constexpr std::array<std::string_view, 6> kMethods = {"GET ",  "POST ",    "PUT ",
                                                               "HEAD ", "OPTIONS ", "CONNECT "};
  for (const std::string_view method : kMethods) {
    if (StartsWithIgnoreAsciiCase(line, method)) return true;
  }
  return false;
}

// What clients of XCLIENT tell besides, whether it is listed or not.
bool IsUnusedXclientAttribute(std::string_view keyword) {
  static constexpr std::array<std::string_view, 5> kUnused = {"NAME", "PORT", "PROTO", "DESTADDR",
                                                              "DESTPORT"};
  return std::find(kUnused.begin(), kUnused.end(), keyword) != kUnused.end();
}

// An attribute of XFORWARD, its value decoded, that may go on record and to the next hop.
bool IsForwarded(const mail::EsmtpParameter& attribute) {
  static constexpr std::array<std::string_view, 6> kTexts = {"NAME", "ADDR",  "PORT",
                                                             "HELO", "IDENT", "PROTO"};
  const std::string& value = *attribute.value;
  if (value.size() > limits::kForwardedOctetsMax) return false;
  if (attribute.keyword == "SOURCE")
    return EqualsIgnoreAsciiCase(value, "LOCAL") || EqualsIgnoreAsciiCase(value, "REMOTE");
  return std::find(kTexts.begin(), kTexts.end(), attribute.keyword) != kTexts.end();
}

// RFC 3207 §4: what a server that demands TLS takes without it.
bool IsAllowedBeforeTls(SmtpVerb verb) {
  return verb == SmtpVerb::kEhlo || verb == SmtpVerb::kHelo || verb == SmtpVerb::kLhlo ||
         verb == SmtpVerb::kNoop || verb == SmtpVerb::kStarttls || verb == SmtpVerb::kQuit ||
         verb == SmtpVerb::kRset;
}

}  // namespace

SmtpSession::SmtpSession(SmtpSessionSettings settings, mail::ClientInfo client,
                         RefuseRecipient refuse_recipient, RefuseMail refuse_mail,
                         IsTrusted is_trusted)
    : settings_(std::move(settings)),
      client_(std::move(client)),
      refuse_recipient_(std::move(refuse_recipient)),
      refuse_mail_(std::move(refuse_mail)),
      is_trusted_(std::move(is_trusted)),
      may_xclient_(client_.trusted) {}

std::string SmtpSession::Greeting() const {
  return SmtpReply{
      220, {}, Cat(settings_.host_name, settings_.lmtp ? " LMTP Penstock" : " ESMTP Penstock")}
      .ToWire();
}

std::string SmtpSession::Farewell(const mail::EnhancedStatus& status, std::string_view text) const {
  return SmtpReply{421, status, Cat(settings_.host_name, " ", text)}.ToWire();
}

// RFC 6531 §3.7.4.1: replies hold UTF-8 only for a client that said SMTPUTF8.
SmtpSession::Step SmtpSession::Say(const SmtpReply& reply, Next next) {
  return {reply.ToWire(envelope_.smtputf8 ? ReplyCharset::kUtf8 : ReplyCharset::kAscii), next};
}

// A fault of protocol. A client that makes too many of them is none of ours.
SmtpSession::Step SmtpSession::Refuse(const SmtpReply& reply, Next next) {
  Step step = Say(reply, next);
  if (++bad_commands_ < limits::kBadCommandsMax) return step;
  step.reply += Farewell({4, 7, 0}, "too many bad commands");
  step.next = Next::kClose;
  return step;
}

SmtpSession::Step SmtpSession::OnLineFault(LineFault fault) {
  // Whether such a line was a DATA that failed is not worth finding out: close unless quiet.
  if (fault == LineFault::kBareLf) {
    return Refuse({500, {5, 5, 2}, "line ends in LF alone; lines end in CRLF"},
                  Next::kCloseUnlessQuiet);
  }
  return Refuse(
      {500, {5, 5, 6}, Cat("line longer than ", limits::kCommandLineOctetsMax, " octets")},
      Next::kCloseUnlessQuiet);
}

SmtpSession::Step SmtpSession::OnLine(std::string_view line) {
  if (IsHttpRequest(line)) return {Farewell({4, 7, 0}, "this is no HTTP server"), Next::kClose};
  const auto parsed = mail::ParseSmtpCommand(line);
  if (const auto* command = std::get_if<SmtpCommand>(&parsed)) return OnCommand(*command);
  const auto& refusal = std::get<SmtpReply>(parsed);
  if (StartsWithIgnoreAsciiCase(line, "MAIL")) mail_refused_ = true;
  // RFC 3463 §3.6: X.5.X is about the protocol. What is no mailbox is a fault of the mail: a client
  // that carries many messages over one connection may meet many of them.
  constexpr int kProtocolSubject = 5;
  if (StartsWithIgnoreAsciiCase(line, "BDAT")) {
    Step step = Say(refusal, Next::kClose);
    step.reply += Farewell({4, 7, 0}, "cannot tell where the chunk ends");
    return step;
  }
  const bool data = StartsWithIgnoreAsciiCase(line, "DATA");
  const Next next = data ? Next::kCloseUnlessQuiet : Next::kLine;
  return refusal.status.subject == kProtocolSubject ? Refuse(refusal, next) : Say(refusal, next);
}

SmtpSession::Step SmtpSession::OnCommand(const SmtpCommand& command) {
  if (settings_.starttls == StartTls::kEncrypt && !tls_ && !IsAllowedBeforeTls(command.verb)) {
    if (command.verb == SmtpVerb::kMail) mail_refused_ = true;
    const Next next = command.verb == SmtpVerb::kData ? Next::kCloseUnlessQuiet : Next::kLine;
    Step step = Refuse({530, {5, 7, 0}, "send STARTTLS first"}, next);
    return command.verb == SmtpVerb::kBdat ? DropChunk(command, std::move(step)) : step;
  }
  switch (command.verb) {
    case SmtpVerb::kHelo:
    case SmtpVerb::kEhlo:
      // RFC 2033 §4.1: never taken, or the client would expect one reply to its content.
      if (settings_.lmtp) return Refuse({500, {5, 5, 1}, "this is LMTP; send LHLO"});
      return OnHello(command);
    case SmtpVerb::kLhlo:
      if (settings_.lmtp) return OnHello(command);
      break;
    case SmtpVerb::kMail:
      return OnMail(command);
    case SmtpVerb::kRcpt:
      return OnRcpt(command);
    case SmtpVerb::kData:
      return OnData();
    case SmtpVerb::kBdat:
      return OnBdat(command);
    case SmtpVerb::kRset:
      Reset();
      return Say({250, {2, 0, 0}, "reset"});
    case SmtpVerb::kNoop:
      return Say({250, {2, 0, 0}, "OK"});
    case SmtpVerb::kQuit:
      return Say({221, {2, 0, 0}, Cat(settings_.host_name, " closes the connection")},
                 Next::kClose);
    case SmtpVerb::kVrfy:
      // RFC 5321 §3.5.3: 252 where an address is not looked up.
      return Say({252, {2, 5, 2}, "not verified; send mail to find out"});
    case SmtpVerb::kHelp:
      return Say({214,
                  {2, 0, 0},
                  Cat("Commands: ", settings_.lmtp ? "LHLO" : "EHLO HELO",
                      " MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT\nSee RFC ",
                      settings_.lmtp ? "2033" : "5321")});
    case SmtpVerb::kStarttls:
      if (settings_.starttls != StartTls::kNone) return OnStartTls(command);
      break;
    case SmtpVerb::kXclient:
      if (may_xclient_) return OnXclient(command);
      break;
    case SmtpVerb::kXforward:
      if (may_xclient_) return OnXforward(command);
      break;
    case SmtpVerb::kAuth:
    case SmtpVerb::kExpn:
      break;
  }
  return Refuse({502, {5, 5, 1}, Cat(Name(command.verb), " is not offered here")});
}

SmtpSession::Step SmtpSession::OnHello(const SmtpCommand& command) {
  Reset();  // RFC 5321 §4.1.4: EHLO in mid-session is like RSET
  greeted_ = true;
  extended_ = command.verb != SmtpVerb::kHelo;
  client_.helo = command.argument;
  if (!extended_) return Say({250, {}, settings_.host_name});
  return Say({250,
              {},
              Cat(settings_.host_name, "\nPIPELINING\nSIZE ", settings_.message_octets_max,
                  "\n8BITMIME\nENHANCEDSTATUSCODES\nDSN\nSMTPUTF8\nCHUNKING\nBINARYMIME",
                  may_xclient_ ? "\nXCLIENT ADDR HELO LOGIN NAME PORT PROTO" : "",
                  may_xclient_ ? "\nXFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE" : "",
                  settings_.starttls != StartTls::kNone && !tls_ ? "\nSTARTTLS" : "")});
}

SmtpSession::Step SmtpSession::OnStartTls(const SmtpCommand& command) {
  if (tls_) return Refuse({503, {5, 5, 1}, "TLS is in use already"});
  if (!command.argument.empty()) return Refuse({501, {5, 5, 4}, "STARTTLS takes no argument"});
  if (!extended_) return Refuse({503, {5, 5, 1}, Cat("send ", Hello(), " first")});
  if (in_transaction_) {
    return Refuse({503, {5, 5, 1}, "not within a transaction; send RSET to leave it"});
  }
  return Say({220, {2, 0, 0}, "ready for TLS"}, Next::kTls);
}

void SmtpSession::OnTls(bool trusted) {
  Reset();
  tls_ = true;
  greeted_ = extended_ = false;
  client_.helo.clear();
  client_.trusted = client_.trusted || (trusted && !spoken_for_);
  may_xclient_ = may_xclient_ || trusted;
}

// O3: a trusted client speaks for another, which is what the session is about from here on. Its
// address decides whether it is trusted as well; a login makes it authenticated.
SmtpSession::Step SmtpSession::OnXclient(const SmtpCommand& command) {
  if (in_transaction_) {
    return Refuse({503, {5, 5, 1}, "not within a transaction; send RSET to leave it"});
  }
  mail::ClientInfo client = client_;
  for (const mail::EsmtpParameter& attribute : command.parameters) {
    std::string value = attribute.value.value_or("");
    if (value == "[UNAVAILABLE]" || value == "[TEMPUNAVAIL]") value.clear();
    if (attribute.keyword == "ADDR") {
      constexpr std::string_view kIpv6 = "IPV6:";
      if (StartsWithIgnoreAsciiCase(value, kIpv6)) value.erase(0, kIpv6.size());
      const bool is_network = value.find('/') != std::string::npos;
      if (!value.empty() && (is_network || !NetworkSet::Parse({value}).ok()))
        return Refuse({501, {5, 5, 4}, "ADDR is no IP address"});
      client.trusted = !value.empty() && is_trusted_ && is_trusted_(value);
      client.address = std::move(value);
    } else if (attribute.keyword == "LOGIN") {
      client.login = std::move(value);
    } else if (attribute.keyword == "HELO") {
      client.helo = std::move(value);
    } else if (!IsUnusedXclientAttribute(attribute.keyword)) {
      return Refuse({501, {5, 5, 4}, Cat("attribute not known: ", Printable(attribute.keyword))});
    }
  }
  Reset();
  greeted_ = extended_ = false;
  client_ = std::move(client);
  spoken_for_ = true;
  return {Greeting()};  // it begins again
}

// Whose mail comes in the next transaction, for logs, the record and the next hop; unlike XCLIENT
// it changes nothing about the session. Several commands say it together.
SmtpSession::Step SmtpSession::OnXforward(const SmtpCommand& command) {
  if (in_transaction_) {
    return Refuse({503, {5, 5, 1}, "not within a transaction; send RSET to leave it"});
  }
  auto forwarded = client_.forwarded;
  for (const mail::EsmtpParameter& attribute : command.parameters) {
    if (!IsForwarded(attribute)) {
      return Refuse(
          {501,
           {5, 5, 4},
           Cat("attribute not known, or its value none: ", Printable(attribute.keyword))});
    }
    const auto same = std::find_if(forwarded.begin(), forwarded.end(),
                                   [&](const auto& one) { return one.first == attribute.keyword; });
    if (same != forwarded.end()) forwarded.erase(same);
    forwarded.emplace_back(attribute.keyword, *attribute.value);
  }
  client_.forwarded = std::move(forwarded);
  return Say({250, {2, 0, 0}, "noted"});
}

SmtpSession::Step SmtpSession::OnMail(const SmtpCommand& command) {
  if (!greeted_) return Refuse({503, {5, 5, 1}, Cat("send ", Hello(), " first")});
  if (in_transaction_) {
    return Refuse({503, {5, 5, 1}, "a transaction has begun already; send RSET to leave it"});
  }
  // Parameters of extensions that only EHLO offers (RFC 6531 §3.1). SIZE and BODY do no harm.
  if ((command.smtputf8 || command.dsn != mail::MessageDsn()) && !extended_) {
    mail_refused_ = true;
    return Refuse({555,
                   {5, 5, 4},
                   Cat(command.smtputf8 ? "SMTPUTF8 is" : "RET and ENVID are",
                       " for clients that said EHLO")});
  }
  if (command.size && *command.size > settings_.message_octets_max) {
    mail_refused_ = true;
    return Say({552,
                {5, 3, 4},
                Cat("message too large: ", *command.size, " octets, at most ",
                    settings_.message_octets_max, " are taken")});
  }
  if (refuse_mail_) {
    if (const auto refusal = refuse_mail_(command.size)) {
      mail_refused_ = true;
      return Say(*refusal);
    }
  }
  in_transaction_ = true;
  mail_refused_ = false;
  envelope_.reverse_path = command.argument;
  envelope_.smtputf8 = command.smtputf8;
  envelope_.body_8bit = command.body_8bit;
  envelope_.dsn = command.dsn;
  binary_ = command.body_binary;
  mail::Transmission transmission;
  using Base = mail::Transmission::Base;
  transmission.base = settings_.lmtp ? Base::kLmtp : extended_ ? Base::kEsmtp : Base::kSmtp;
  transmission.smtputf8 = command.smtputf8;
  transmission.tls = tls_;
  transmission.authenticated = !client_.login.empty();
  client_.with = Name(transmission);
  return Say({250, {2, 1, 0}, "sender OK"});
}

SmtpSession::Step SmtpSession::OnRcpt(const SmtpCommand& command) {
  if (!in_transaction_) {
    const SmtpReply reply{503, {5, 5, 1}, "send MAIL first"};
    return mail_refused_ ? Say(reply) : Refuse(reply);
  }
  if (in_chunks_) return Refuse({503, {5, 5, 1}, "the content has begun already"});
  const std::string& path = command.argument;
  const mail::RecipientDsn& dsn = command.recipient_dsn;
  if (dsn != mail::RecipientDsn() && !extended_)
    return Refuse({555, {5, 5, 4}, "NOTIFY and ORCPT are for clients that said EHLO"});
  if (!(IsAscii(path) && IsAscii(dsn.original_recipient)) && !envelope_.smtputf8) {
    return Say({553, {5, 6, 7}, "an address outside of ASCII needs SMTPUTF8 in MAIL"});
  }
  constexpr mail::EnhancedStatus kRecipientValid{2, 1, 5};
  if (taken_.size() >= limits::kLmtpRepliesMax)
    return Say({452, {4, 5, 3}, "too many recipients, repeated ones counted"});
  const auto [place, is_new] =
      recipient_keys_.emplace(mail::AddressKey(path), envelope_.forward_paths.size());
  if (is_new) {
    if (const auto refusal = refuse_recipient_(client_, envelope_, path)) {
      recipient_keys_.erase(place);
      return Say(*refusal);
    }
    envelope_.forward_paths.push_back(path);
    envelope_.recipients_dsn.push_back(dsn);
  }
  if (settings_.lmtp) taken_.push_back(place->second);
  return Say({250, kRecipientValid, is_new ? "recipient OK" : "recipient OK, again"});
}

SmtpSession::Step SmtpSession::OnData() {
  if (!in_transaction_) {
    const SmtpReply reply{503, {5, 5, 1}, "send MAIL first"};
    return mail_refused_ ? Say(reply, Next::kCloseUnlessQuiet)
                         : Refuse(reply, Next::kCloseUnlessQuiet);
  }
  // RFC 3030 §2
  if (in_chunks_) {
    return Refuse({503, {5, 5, 1}, "a BDAT has begun the content already; go on with BDAT"},
                  Next::kCloseUnlessQuiet);
  }
  // RFC 3030 §3
  if (binary_) {
    return Refuse({503, {5, 5, 1}, "BODY=BINARYMIME was said; send the content by BDAT"},
                  Next::kCloseUnlessQuiet);
  }
  // RFC 5321 §3.3: 554 if there is no valid recipient; RFC 2033 §4.2: 503. Common behind refused
  // ones, so not counted.
  if (envelope_.forward_paths.empty()) return Say(NoRecipients(), Next::kCloseUnlessQuiet);
  return {"", Next::kContent};
}

SmtpReply SmtpSession::NoRecipients() const {
  return {settings_.lmtp ? 503 : 554, {5, 5, 1}, "no valid recipients"};
}

SmtpSession::Step SmtpSession::OnBdat(const SmtpCommand& command) {
  if (!in_transaction_) {
    const SmtpReply reply{503, {5, 5, 1}, "send MAIL first"};
    return DropChunk(command, mail_refused_ ? Say(reply) : Refuse(reply));
  }
  if (envelope_.forward_paths.empty()) return DropChunk(command, Say(NoRecipients()));
  in_chunks_ = true;
  chunk_ = {*command.size, command.last, chunk_refusal_.has_value()};
  return {"", Next::kChunk};
}

// Refused, it is read all the same (RFC 3030 §2); then `step`.
SmtpSession::Step SmtpSession::DropChunk(const SmtpCommand& command, Step step) {
  chunk_ = {*command.size, command.last, true};
  after_chunk_ = std::move(step);
  return {"", Next::kChunk};
}

SmtpSession::Step SmtpSession::EndChunk(const SmtpReply& reply,
                                        const std::vector<SmtpReply>& each) {
  if (chunk_.drop && !in_chunks_) return std::move(after_chunk_);
  // A client that has sent on behind a chunk that was refused hears the same again.
  const SmtpReply said = chunk_refusal_.value_or(reply);
  if (chunk_.last) return EndContent(said, each);
  if (!said.is_positive()) chunk_refusal_ = said;
  return Say(said);
}

std::string SmtpSession::BeginContent() {
  return SmtpReply{354, {}, "send the message; end it by a line that holds a dot"}.ToWire();
}

SmtpSession::Step SmtpSession::RefuseContent(const SmtpReply& reply) {
  Step step = Say(reply, Next::kCloseUnlessQuiet);
  Reset();
  return step;
}

SmtpSession::Step SmtpSession::EndContent(const SmtpReply& reply,
                                          const std::vector<SmtpReply>& each) {
  Step step;
  if (!settings_.lmtp) step = Say(reply);
  for (const std::size_t place : taken_)
    step.reply += Say(each.empty() ? reply : each.at(place)).reply;
  Reset();
  return step;
}

void SmtpSession::Reset() {
  in_transaction_ = false;
  binary_ = in_chunks_ = mail_refused_ = false;
  chunk_refusal_.reset();
  envelope_ = {};
  client_.forwarded.clear();
  recipient_keys_.clear();
  taken_.clear();
}

}  // namespace penstock::ingress
