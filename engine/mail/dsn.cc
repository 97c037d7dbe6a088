// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/dsn.h"

#include <algorithm>
#include <cstddef>

#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/base/utf8.h"
#include "engine/mail/dsn_parameters.h"
#include "engine/mail/header_section.h"
#include "engine/mail/quoted_printable.h"
#include "engine/mail/xtext.h"

namespace penstock::mail {
namespace {

// Returns `text` with control characters, and with kAscii what is not ASCII, as "?".
std::string OneLine(std::string_view text, ReplyCharset charset) {
  std::string clean = ToValidUtf8(text);
  std::replace_if(
      clean.begin(), clean.end(),
      [&](char c) {
        const auto octet = static_cast<unsigned char>(c);
        return octet < 0x20 || octet == 0x7f || (octet >= 0x80 && charset == ReplyCharset::kAscii);
      },
      '?');
  return clean;
}

// Returns `text`, which is valid UTF-8, cut to `octets_max` octets at the end of a character.
std::string_view CutOctets(std::string_view text, std::size_t octets_max) {
  if (text.size() <= octets_max) return text;
  while (octets_max > 0 && (static_cast<unsigned char>(text[octets_max]) & 0xc0U) == 0x80)
    --octets_max;
  return text.substr(0, octets_max);
}

// Appends "name: body\r\n", folded at spaces where a line goes over 76 octets, and cut where even
// that would not do.
void AppendField(std::string_view name, std::string_view body, std::string& out) {
  constexpr std::size_t kFoldAt = 76;
  Append(out, name, ":");
  std::size_t line_octets = name.size() + 1;
  for (const std::string_view word :
       Split(CutOctets(body, limits::kFieldLineOctetsMax - name.size() - 2), ' ')) {
    const bool folds = line_octets + 1 + word.size() > kFoldAt && !word.empty();
    if (folds && line_octets > name.size() + 1) {
      out += "\r\n";
      line_octets = 0;
    }
    Append(out, " ", word);
    line_octets += 1 + word.size();
  }
  out += "\r\n";
}

// Whether every line is ASCII without NUL and CR, and short enough to travel as it is. A CR at the
// very end is no part of a line end.
bool Fits7Bit(std::string_view text) {
  if (!IsAscii(text) || text.find('\0') != std::string_view::npos) return false;
  if (text.ends_with('\r')) return false;
  const std::vector<std::string_view> lines = Split(text, '\n');
  return std::all_of(lines.begin(), lines.end(), [](std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line.size() <= limits::kFieldLineOctetsMax && line.find('\r') == std::string_view::npos;
  });
}

// Appends the lines of `text` with CRLF; a last line without an end gets one.
void AppendLines(std::string_view text, std::string& out) {
  while (!text.empty()) {
    const auto lf = text.find('\n');
    std::string_view line = text.substr(0, lf);
    if (line.ends_with('\r')) line.remove_suffix(1);
    Append(out, line, "\r\n");
    text.remove_prefix(lf == std::string_view::npos ? text.size() : lf + 1);
  }
}

// Appends a part's Content-Transfer-Encoding, the end of its header section, and `text` in it.
void AppendEncoded(std::string_view text, std::string& out) {
  if (Fits7Bit(text)) {
    out += "Content-Transfer-Encoding: 7bit\r\n\r\n";
    AppendLines(text, out);
  } else {
    Append(out, "Content-Transfer-Encoding: quoted-printable\r\n\r\n", EncodeQuotedPrintable(text));
  }
}

bool AnyFailed(const Dsn& dsn) {
  return std::any_of(dsn.recipients.begin(), dsn.recipients.end(),
                     [](const auto& one) { return one.action == DsnAction::kFailed; });
}

std::string_view Name(DsnAction action) {
  switch (action) {
    case DsnAction::kDelivered:
      return "delivered";
    case DsnAction::kRelayed:
      return "relayed";
    case DsnAction::kFailed:
      break;
  }
  return "failed";
}

// The message can stand in a part of its type as it is: that takes no other encoding (RFC 2046
// §5.2.1).
bool FitsWhole(const Dsn& dsn, bool utf8) {
  std::string_view rest = dsn.original_content;
  if (rest.empty() || !rest.ends_with("\r\n") || rest.find('\0') != std::string_view::npos ||
      !(IsAscii(dsn.original_header) || (utf8 && IsValidUtf8(dsn.original_header)))) {
    return false;
  }
  while (!rest.empty()) {
    const std::size_t end = rest.find_first_of("\r\n");
    if (end > limits::kFieldLineOctetsMax || !rest.substr(end).starts_with("\r\n")) return false;
    rest.remove_prefix(end + 2);
  }
  return true;
}

// What is told about a recipient, besides its fate.
std::string Explain(const DsnRecipient& recipient) {
  std::string text = CleanBounceMessage(recipient.bounce_message);
  if (recipient.diagnostic) {
    if (!text.empty()) text += "\n\n";
    // A next hop may say much, to each recipient something else.
    Append(text,
           recipient.remote_mta.empty() ? std::string_view("the next mail server")
                                        : std::string_view(recipient.remote_mta),
           " answered: ", CleanBounceMessage(recipient.diagnostic->ToString()));
  }
  if (text.empty()) text = recipient.reason;
  if (!text.empty()) return ToValidUtf8(text);
  return recipient.action == DsnAction::kFailed ? "No reason was given." : "";
}

constexpr std::string_view Heading(DsnAction action) {
  switch (action) {
    case DsnAction::kDelivered:
      return "Your message was delivered to:\n";
    case DsnAction::kRelayed:
      return "Your message was handed to a mail server that does not tell what becomes of it, "
             "for:\n";
    case DsnAction::kFailed:
      break;
  }
  return "Your message could not be delivered to one or more recipients.\n";
}

// Recipients in a row with the same explanation share it: a hook that refuses hundreds tells it
// once.
void AppendRecipients(const Dsn& dsn, DsnAction action, std::string& text) {
  std::string explanation;
  bool first = true;
  for (const DsnRecipient& recipient : dsn.recipients) {
    if (recipient.action != action) continue;
    std::string next = Explain(recipient);
    if (!first && next != explanation) Append(text, "\n", explanation, "\n");
    if (first || next != explanation) text += "\n";
    Append(text, "<", OneLine(recipient.final_recipient, ReplyCharset::kUtf8), ">\n");
    explanation = std::move(next);
    first = false;
  }
  if (!explanation.empty()) Append(text, "\n", explanation, "\n");
}

// The part for people.
std::string HumanText(const Dsn& dsn, bool whole) {
  std::string text = Cat("This is the mail system at ", dsn.reporting_mta, ".\n");
  const std::string_view attached =
      whole ? "It is attached.\n" : "Its header section is attached.\n";
  for (const DsnAction action : {DsnAction::kFailed, DsnAction::kDelivered, DsnAction::kRelayed}) {
    const bool any = std::any_of(dsn.recipients.begin(), dsn.recipients.end(),
                                 [&](const auto& one) { return one.action == action; });
    if (!any) continue;
    Append(text, "\n", Heading(action));
    if (action == DsnAction::kFailed) text += attached;
    AppendRecipients(dsn, action, text);
  }
  return text;
}

// RFC 3461 §6.3 (d): the value of ORCPT; like ENVID's, out of its xtext.
std::string OriginalRecipient(std::string_view orcpt, bool utf8) {
  const std::size_t semicolon = orcpt.find(';');
  const std::string_view address = orcpt.substr(semicolon + 1);
  return Cat(orcpt.substr(0, semicolon), "; ",
             IsAscii(address) ? OneLine(DecodeXtext(address).value_or(""), ReplyCharset::kAscii)
                              : Utf8Address(address, utf8));
}

void AppendRecipientFields(const DsnRecipient& recipient, ReplyCharset charset, std::string& out) {
  const bool utf8 = charset == ReplyCharset::kUtf8;
  const std::string address = OneLine(recipient.final_recipient, ReplyCharset::kUtf8);
  const std::string typed =
      IsAscii(address) ? Cat("rfc822; ", address) : Cat("utf-8; ", Utf8Address(address, utf8));
  out += "\r\n";
  if (!recipient.original_recipient.empty()) {
    AppendField("Original-Recipient", OriginalRecipient(recipient.original_recipient, utf8), out);
  }
  AppendField("Final-Recipient", typed, out);
  AppendField("Action", Name(recipient.action), out);
  const bool failed = recipient.action == DsnAction::kFailed;
  AppendField("Status",
              !recipient.status.empty() ? recipient.status.ToString()
              : failed                  ? "5.0.0"
                                        : "2.0.0",
              out);
  if (!recipient.remote_mta.empty()) {
    AppendField("Remote-MTA", Cat("dns; ", OneLine(recipient.remote_mta, ReplyCharset::kAscii)),
                out);
  }
  if (recipient.diagnostic) {
    const std::string line = OneLine(recipient.diagnostic->ToString(), charset);
    AppendField("Diagnostic-Code", Cat("smtp; ", line), out);
  }
}

// Returns the fields of the original that are attached: whole ones, up to
// limits::kDsnHeaderOctetsMax.
std::string_view AttachedFields(std::string_view original_header) {
  const HeaderSection header = HeaderSection::Scan(original_header);
  if (header.fields().empty()) return {};
  const std::size_t start = header.fields().front().offset;
  std::size_t end = start;
  for (const HeaderField& field : header.fields()) {
    if (field.offset + field.length - start > limits::kDsnHeaderOctetsMax) break;
    end = field.offset + field.length;
  }
  return original_header.substr(start, end - start);
}

// Returns the original's Message-ID if it can stand in a field of ours; else "".
std::string InReplyTo(std::string_view original_header) {
  const HeaderSection header = HeaderSection::Scan(original_header);
  const HeaderField* field = header.Find("Message-ID");
  if (field == nullptr) return {};
  std::string msg_id = Unfold(field->body);
  const bool sound =
      msg_id.starts_with('<') && msg_id.ends_with('>') &&
      msg_id.size() <= limits::kFieldLineOctetsMax / 2 &&
      std::all_of(msg_id.begin(), msg_id.end(), [](char c) { return c > ' ' && c < 0x7f; });
  return sound ? msg_id : std::string();
}

void AppendHeader(const Dsn& dsn, std::string& out) {
  const bool all_failed =
      std::all_of(dsn.recipients.begin(), dsn.recipients.end(),
                  [](const auto& recipient) { return recipient.action == DsnAction::kFailed; });
  AppendField("Date", FormatRfc5322(dsn.date), out);
  AppendField("From", Cat("Mail Delivery System <MAILER-DAEMON@", dsn.reporting_mta, ">"), out);
  AppendField("To", Cat("<", OneLine(dsn.reverse_path, ReplyCharset::kUtf8), ">"), out);
  AppendField("Subject",
              all_failed       ? "Your message was not delivered"
              : AnyFailed(dsn) ? "What became of your message"
                               : "Your message was delivered or handed on",
              out);
  AppendField("Message-ID", Cat("<", dsn.msg_id, ">"), out);
  const std::string in_reply_to = InReplyTo(dsn.original_header);
  if (!in_reply_to.empty()) AppendField("In-Reply-To", in_reply_to, out);
  AppendField("Auto-Submitted", "auto-replied", out);
  AppendField("MIME-Version", "1.0", out);
  Append(out, "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"",
         dsn.boundary, "\"\r\n");
}

void AppendTextPart(const Dsn& dsn, bool whole, std::string& out) {
  const std::string text = HumanText(dsn, whole);
  Append(out, "Content-Description: Notification\r\nContent-Type: text/plain; charset=",
         IsAscii(text) ? "us-ascii" : "utf-8", "\r\n");
  // RFC 3282. Of a text that a rule or hook gave nobody told us the language.
  const bool ours =
      std::all_of(dsn.recipients.begin(), dsn.recipients.end(),
                  [](const auto& recipient) { return recipient.bounce_message.empty(); });
  if (ours) out += "Content-Language: en\r\n";
  AppendEncoded(text, out);
}

void AppendStatusPart(const Dsn& dsn, ReplyCharset charset, std::string& out) {
  std::string fields;
  if (!dsn.envelope_id.empty()) {
    AppendField("Original-Envelope-Id",
                OneLine(DecodeXtext(dsn.envelope_id).value_or(""), ReplyCharset::kAscii), fields);
  }
  AppendField("Reporting-MTA", Cat("dns; ", dsn.reporting_mta), fields);
  AppendField("Arrival-Date", FormatRfc5322(dsn.arrival_date), fields);
  for (const DsnRecipient& recipient : dsn.recipients)
    AppendRecipientFields(recipient, charset, fields);
  // RFC 6533 §4: what is not ASCII travels in the global type, here without an encoding.
  const bool global = !IsAscii(fields);
  Append(out, "Content-Description: Delivery report\r\nContent-Type: message/",
         global ? "global-delivery-status" : "delivery-status",
         "\r\nContent-Transfer-Encoding: ", global ? "8bit" : "7bit", "\r\n\r\n", fields);
}

void AppendHeaderPart(const Dsn& dsn, std::string& out) {
  const std::string_view fields = AttachedFields(dsn.original_header);
  const bool global = !IsAscii(fields) && IsValidUtf8(fields);  // RFC 6533 §5
  Append(out, "Content-Description: ", AnyFailed(dsn) ? "Undelivered message" : "Message",
         " header section\r\nContent-Type: ",
         global ? "message/global-headers" : "text/rfc822-headers", "\r\n");
  AppendEncoded(fields, out);
}

// FitsWhole.
void AppendMessagePart(const Dsn& dsn, std::string& out) {
  const bool global = !IsAscii(dsn.original_header);  // RFC 6532 §3.7
  Append(out, "Content-Description: Undelivered message\r\nContent-Type: message/",
         global ? "global" : "rfc822",
         "\r\nContent-Transfer-Encoding: ", IsAscii(dsn.original_content) ? "7bit" : "8bit",
         "\r\n\r\n", dsn.original_content);
}

}  // namespace

std::string BuildDsn(const Dsn& dsn) {
  PENSTOCK_CHECK(!dsn.recipients.empty() && !dsn.reverse_path.empty());
  const bool utf8 = dsn.smtputf8 || !IsAscii(dsn.reverse_path);
  const ReplyCharset charset = utf8 ? ReplyCharset::kUtf8 : ReplyCharset::kAscii;
  const bool whole = AnyFailed(dsn) && FitsWhole(dsn, utf8);
  std::string parts;
  Append(parts, "This is a delivery status notification in MIME format (RFC 3464).\r\n");
  const std::string delimiter = Cat("\r\n--", dsn.boundary);
  Append(parts, delimiter, "\r\n");
  AppendTextPart(dsn, whole, parts);
  Append(parts, delimiter, "\r\n");
  AppendStatusPart(dsn, charset, parts);
  Append(parts, delimiter, "\r\n");
  if (whole) {
    AppendMessagePart(dsn, parts);
  } else {
    AppendHeaderPart(dsn, parts);
  }
  Append(parts, delimiter, "--\r\n");

  std::string message;
  AppendHeader(dsn, message);
  if (!IsAscii(parts)) message += "Content-Transfer-Encoding: 8bit\r\n";
  return Cat(message, "\r\n", parts);
}

std::string CleanBounceMessage(std::string_view text) {
  const std::string valid = ToValidUtf8(text);
  std::string clean;
  std::string_view rest = valid;
  while (!rest.empty()) {
    const std::size_t octets = FirstUtf8Piece(rest).octets;
    const auto octet = static_cast<unsigned char>(rest.front());
    // U+0080 to U+009F are control characters as well.
    const bool c1 = octet == 0xc2 && static_cast<unsigned char>(rest[1]) < 0xa0;
    if (rest.front() == '\t') {
      clean += ' ';
    } else if (rest.front() == '\r') {
      if (!rest.starts_with("\r\n")) clean += '\n';
    } else if (rest.front() == '\n' || (octet >= 0x20 && octet != 0x7f && !c1)) {
      clean.append(rest.substr(0, octets));
    }
    rest.remove_prefix(octets);
  }
  return std::string(
      TrimAsciiSpace(CutCodePoints(TrimAsciiSpace(clean), limits::kBounceMessageCodePointsMax)));
}

bool MayBounce(std::string_view reverse_path, const Summary& summary) {
  return !reverse_path.empty() && !summary.auto_submitted && !summary.is_dsn;
}

}  // namespace penstock::mail
