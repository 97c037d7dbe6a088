// SPDX-License-Identifier: Apache-2.0
#include "engine/ingress/milter_session.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/mail/address_list.h"
#include "engine/mail/address_literal.h"
#include "engine/mail/header_section.h"
#include "engine/mail/mailbox.h"
#include "engine/mail/milter_reply.h"

namespace penstock::ingress {
namespace {

namespace action = mail::milter_action;
namespace step = mail::milter_step;
using mail::MilterSignal;
using mail::SmtpReply;

constexpr std::uint32_t kVersionMin = 2;
constexpr std::uint32_t kVersionMax = 6;

// Without these a decision could not be told: better no milter than one whose word is not kept.
constexpr std::uint32_t kActionsNeeded =
    action::kAddHeader | action::kAddRecipient | action::kDeleteRecipient | action::kChangeHeader;
constexpr std::uint32_t kStepsWanted = step::kNoUnknown | step::kNoData | step::kHeaderLeadingSpace;

// The queue id is asked for at the end, since Postfix has none before its first accepted RCPT; the
// login at MAIL, where it belongs to the session and not to what a queue manager makes of it.
const mail::MilterMacroNames& MacrosWanted() {
  static const mail::MilterMacroNames kNames = {
      {mail::MilterStage::kConnect, "j {daemon_name} {client_addr}"},
      {mail::MilterStage::kMail, "{auth_authen} {auth_type} {mail_addr}"},
      {mail::MilterStage::kRecipient, "{rcpt_addr}"},
      {mail::MilterStage::kEndOfMessage, "i"}};
  return kNames;
}

// The stages of a message; the others are of the session.
constexpr std::string_view kMessageStages = "MRTLNBE";
constexpr std::string_view kSessionStages = "CH";

bool SaysYes(const std::vector<std::string>& arguments, std::string_view keyword) {
  return std::any_of(arguments.begin(), arguments.end(), [&](const std::string& argument) {
    return EqualsIgnoreAsciiCase(argument, keyword);
  });
}

std::optional<std::uint64_t> SizeOf(const std::vector<std::string>& arguments) {
  constexpr std::string_view kSize = "SIZE=";
  for (const std::string& argument : arguments) {
    if (StartsWithIgnoreAsciiCase(argument, kSize))
      return ParseInt<std::uint64_t>(std::string_view(argument).substr(kSize.size()));
  }
  return std::nullopt;
}

// What the client asked of the MTA, for notifications that are ours to send; the MTA has judged the
// syntax, so what is none counts as not said.
template <class Dsn, class Read>
Dsn DsnOf(const std::vector<std::string>& arguments, Read read) {
  Dsn dsn;
  for (const std::string& argument : arguments) {
    const std::size_t equals = argument.find('=');
    if (equals == std::string::npos) continue;
    std::string keyword = argument.substr(0, equals);
    std::transform(keyword.begin(), keyword.end(), keyword.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    Dsn with = dsn;
    std::string fault;
    if (read(keyword, argument.substr(equals + 1), with, fault) && fault.empty())
      dsn = std::move(with);
  }
  return dsn;
}

// The mailbox that an address means. An MTA takes more than RFC 5321 does (`<@relay:user@domain>`,
// `<"A" <user@domain>>`, `<user>`), and tells it as its client wrote it: rules would not know the
// mailbox that it delivers to. So where it is no mailbox, or may be a route in the form of one
// (`user%domain@host`, `domain!user@host`, `"user@domain"@host`), what the MTA `resolved` it to
// counts; where that is no mailbox either, what a mail program reads (RFC 5322 §3.4).
std::string MailboxOf(const std::string& path, const std::string& resolved) {
  const auto written = mail::Mailbox::Parse(path);
  const bool may_route =
      written.ok() && written->local_part.find_first_of("%!@") != std::string::npos;
  if (path.empty() || (written.ok() && !may_route)) return path;
  if (mail::Mailbox::Parse(resolved).ok()) return resolved;
  if (written.ok()) return path;
  const auto read = mail::ParseAddressList(path.starts_with('@') ? Cat("<", path, ">") : path);
  return read.size() == 1 ? read.front().ToString() : path;
}

}  // namespace

MilterSession::MilterSession(const MilterSessionSettings& settings, std::string listener,
                             IsTrusted is_trusted, RefuseMail refuse_mail,
                             RefuseRecipient refuse_recipient)
    : settings_(settings),
      is_trusted_(std::move(is_trusted)),
      refuse_mail_(std::move(refuse_mail)),
      refuse_recipient_(std::move(refuse_recipient)) {
  client_.listener = std::move(listener);
}

MilterSession::Step MilterSession::OnEvent(const mail::MilterEvent& event) {
  if (!negotiated_ && !std::holds_alternative<mail::MilterNegotiation>(event))
    return OutOfStep("an event before the negotiation");
  return std::visit([this](const auto& one) { return On(one); }, event);
}

MilterSession::Step MilterSession::OutOfStep(std::string_view what) {
  return {"", Next::kClose, "", std::string(what)};
}

MilterSession::Step MilterSession::On(const mail::MilterNegotiation& offered) {
  if (negotiated_) return OutOfStep("a second negotiation");
  if (offered.version < kVersionMin)
    return OutOfStep(Cat("version ", offered.version, "; at least ", kVersionMin, " is needed"));
  if ((offered.actions & kActionsNeeded) != kActionsNeeded) {
    return OutOfStep(Cat("the MTA lets a milter do only ", offered.actions,
                         "; adding and deleting recipients and header fields is needed"));
  }
  negotiated_ = true;
  mail::MilterNegotiation chosen;
  chosen.version = std::min(offered.version, kVersionMax);
  chosen.actions = kActionsNeeded | (offered.actions & action::kSetMacros);
  chosen.steps = offered.steps & kStepsWanted;
  leading_space_ = (chosen.steps & step::kHeaderLeadingSpace) != 0;
  return {mail::MilterNegotiationReply(chosen, MacrosWanted())};
}

MilterSession::Step MilterSession::On(const mail::MilterMacros& macros) {
  if (kMessageStages.find(macros.stage) != std::string_view::npos ||
      kSessionStages.find(macros.stage) != std::string_view::npos) {
    macros_[macros.stage] = macros.values;
  }
  return {};
}

MilterSession::Step MilterSession::On(const mail::MilterConnect& connect) {
  if (in_transaction_) return OutOfStep("a connection inside of a transaction");
  client_.address = mail::AddressLiteral(connect.address).empty() ? "" : connect.address;
  client_.helo.clear();
  client_.trusted = connect.is_local || is_trusted_(client_.address);
  return {mail::MilterContinue()};
}

MilterSession::Step MilterSession::On(const mail::MilterHello& hello) {
  client_.helo = Printable(hello.name, limits::kCommandLineOctetsMax);
  return {mail::MilterContinue()};
}

MilterSession::Step MilterSession::On(const mail::MilterPath& path) {
  return path.is_recipient ? OnRecipient(path) : OnMail(path);
}

MilterSession::Step MilterSession::OnMail(const mail::MilterPath& path) {
  const bool forget = in_transaction_;  // some MTAs send no abort between two messages
  auto macros = macros_['M'];
  Reset();
  macros_['M'] = std::move(macros);
  Step step{mail::MilterContinue(), forget ? Next::kForget : Next::kFrame};
  const std::string sender = MailboxOf(path.path, TakeMacro("mail_addr", 'M'));
  if (!IsValidUtf8(sender)) {
    step.reply = mail::MilterReplyCode({501, {5, 1, 7}, "the sender's address is no UTF-8"});
    return step;
  }
  if (const auto refusal = refuse_mail_(SizeOf(path.arguments))) {
    step.reply = mail::MilterReplyCode(*refusal);
    return step;
  }
  in_transaction_ = true;
  content_.emplace(leading_space_, settings_.message_octets_max);
  envelope_.reverse_path = sender;
  envelope_.smtputf8 = SaysYes(path.arguments, "SMTPUTF8");
  envelope_.body_8bit = SaysYes(path.arguments, "BODY=8BITMIME");
  envelope_.dsn = DsnOf<mail::MessageDsn>(path.arguments, mail::ReadMailDsn);
  client_.login = Printable(Macro("auth_authen", "MHC"), limits::kMilterMacroOctetsMax);
  return step;
}

MilterSession::Step MilterSession::OnRecipient(const mail::MilterPath& path) {
  if (!in_transaction_ || in_header_ || in_body_) return OutOfStep("RCPT outside of a transaction");
  const std::string recipient = MailboxOf(path.path, TakeMacro("rcpt_addr", 'R'));
  if (!IsValidUtf8(recipient))
    return {mail::MilterReplyCode({501, {5, 1, 3}, "the recipient's address is no UTF-8"})};
  const auto [place, is_new] =
      recipient_keys_.emplace(mail::AddressKey(recipient), envelope_.forward_paths.size());
  // The MTA may know it as written, or as it reads it: Postfix has either.
  std::vector<std::string> spellings = {path.given};
  if (recipient != path.path) spellings.push_back(Cat("<", recipient, ">"));
  if (!is_new) {
    std::vector<std::string>& given = given_[place->second];
    if (given.size() < limits::kMilterSpellingsMax) {
      given.insert(given.end(), spellings.begin(), spellings.end());
      return {mail::MilterContinue()};
    }
    return {mail::MilterReplyCode({452, {4, 5, 3}, "the recipient was named too many times"})};
  }
  if (const auto refusal = refuse_recipient_(client_, envelope_, recipient)) {
    recipient_keys_.erase(place);
    return {mail::MilterReplyCode(*refusal)};
  }
  envelope_.forward_paths.push_back(recipient);
  envelope_.recipients_dsn.push_back(DsnOf<mail::RecipientDsn>(path.arguments, mail::ReadRcptDsn));
  given_.push_back(std::move(spellings));
  return {mail::MilterContinue()};
}

// Octets of the message, or the end of it where they make it refused.
MilterSession::Step MilterSession::Keep(std::string content, Next next) {
  if (content_->refusal()) return Refuse(*content_->refusal());
  return {mail::MilterContinue(), next, std::move(content)};
}

MilterSession::Step MilterSession::On(const mail::MilterHeader& header) {
  if (!in_transaction_ || in_body_) return OutOfStep("a header field outside of a header section");
  in_header_ = true;
  std::string content;
  content_->Field(header.name, header.value, content);
  return Keep(std::move(content));
}

MilterSession::Step MilterSession::On(const mail::MilterBody& body) {
  if (!in_body_) return OutOfStep("a body outside of a message");
  std::string content;
  content_->Body(body.octets, content);
  return Keep(std::move(content));
}

MilterSession::Step MilterSession::On(const mail::MilterEnd& end) {
  if (!in_body_) return OutOfStep("the end of a message that did not begin");
  std::string content;
  content_->Body(end.octets, content);
  content_->End();
  Step step = Keep(std::move(content), Next::kMessage);
  if (step.next != Next::kMessage) return step;
  step.reply.clear();
  // Nobody whom we were asked about: nothing to decide.
  if (!envelope_.forward_paths.empty()) return step;
  Reset();
  return {mail::MilterContinue(), Next::kForget};
}

MilterSession::Step MilterSession::On(MilterSignal signal) {
  switch (signal) {
    case MilterSignal::kData:
    case MilterSignal::kUnknown:
      return {mail::MilterContinue()};
    case MilterSignal::kEndOfHeader: {
      if (!in_transaction_ || in_body_) return OutOfStep("the end of a header that did not begin");
      in_body_ = true;
      std::string content;
      content_->EndOfHeader(content);
      return Keep(std::move(content));
    }
    case MilterSignal::kAbort:
      Reset();
      return {"", Next::kForget};
    case MilterSignal::kQuitNew:
      Reset();
      macros_.clear();
      client_.address.clear();
      client_.helo.clear();
      client_.trusted = false;
      return {"", Next::kForget};
    case MilterSignal::kQuit:
      break;
  }
  return {"", Next::kClose};
}

MilterSession::Step MilterSession::Refuse(const SmtpReply& reply) {
  Step step{mail::MilterReplyCode(reply), Next::kForget};
  Reset();  // last: `reply` may be the content's
  return step;
}

// A1: what marks a message is ours alone. Occurrences go from the last to the first, so that none
// moves another.
std::string MilterSession::Mark(flow::Marking marking, std::string_view header_section) const {
  const mail::HeaderSection header = mail::HeaderSection::Scan(header_section);
  std::string out;
  for (const MilterMarking* field : {&settings_.junk, &settings_.bypass_spam_check}) {
    std::uint32_t occurrences = 0;
    for (const mail::HeaderField& one : header.fields())
      occurrences += EqualsIgnoreAsciiCase(one.name, field->name) ? 1 : 0;
    for (; occurrences > 0; --occurrences)
      out += mail::MilterChangeHeader(occurrences, field->name, "");
  }
  const std::string space = leading_space_ ? " " : "";
  if (marking == flow::Marking::kJunk)
    out += mail::MilterAddHeader(settings_.junk.name, space + settings_.junk.value);
  if (marking == flow::Marking::kBypassSpamCheck) {
    out += mail::MilterAddHeader(settings_.bypass_spam_check.name,
                                 space + settings_.bypass_spam_check.value);
  }
  return out;
}

MilterSession::Step MilterSession::EndMessage(const runtime::HeldReply& held,
                                              std::string_view header_section) {
  if (!held.reply.is_positive()) return Refuse(held.reply);
  const runtime::MtaShare& mta = held.mta;
  Step step{"", Next::kForget};
  if (mta.removed.size() == envelope_.forward_paths.size() && mta.added.empty()) {
    step.reply = mail::MilterDiscard();
  } else {
    for (const std::string& path : mta.added)
      step.reply += mail::MilterAddRecipient(path);
    for (const std::size_t place : mta.removed) {
      for (const std::string& given : given_.at(place))
        step.reply += mail::MilterDeleteRecipient(given);
    }
    step.reply += Mark(mta.marking, header_section);
    step.reply += mail::MilterContinue();
  }
  Reset();
  return step;
}

// Of the latest of those stages that knows it.
std::string MilterSession::Macro(std::string_view name, std::string_view stages) const {
  for (const char stage : stages) {
    const auto known = macros_.find(stage);
    if (known == macros_.end()) continue;
    for (const auto& [key, value] : known->second) {
      if (key == name) return value;
    }
  }
  return "";
}

// What is said of one address must not be taken for the next one's.
std::string MilterSession::TakeMacro(std::string_view name, char stage) {
  std::string value = Macro(name, {&stage, 1});
  std::erase_if(macros_[stage], [&](const auto& one) { return one.first == name; });
  return value;
}

void MilterSession::Reset() {
  in_transaction_ = in_header_ = in_body_ = false;
  envelope_ = {};
  recipient_keys_.clear();
  given_.clear();
  content_.reset();
  for (const char stage : kMessageStages)
    macros_.erase(stage);
}

}  // namespace penstock::ingress
