// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/dsn.h"

#include <algorithm>
#include <cstddef>

#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/base/utf8.h"
#include "engine/mail/header_section.h"
#include "engine/mail/quoted_printable.h"

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

// What is told about a recipient, besides that the message did not reach it.
std::string Explain(const DsnRecipient& recipient) {
  std::string text = CleanBounceMessage(recipient.bounce_message);
  if (recipient.diagnostic) {
    if (!text.empty()) text += "\n\n";
    Append(text,
           recipient.remote_mta.empty() ? std::string_view("the next mail server")
                                        : std::string_view(recipient.remote_mta),
           " answered: ", recipient.diagnostic->ToString());
  }
  return text.empty() ? std::string("No reason was given.") : ToValidUtf8(text);
}

// The part for people. Recipients in a row with the same explanation share it: a hook that refuses
// hundreds tells it once.
std::string HumanText(const Dsn& dsn) {
  std::string text = Cat("This is the mail system at ", dsn.reporting_mta, ".\n\n",
                         "Your message could not be delivered to one or more recipients.\n"
                         "Its header section is attached.\n");
  std::string explanation;
  for (std::size_t i = 0; i < dsn.recipients.size(); ++i) {
    std::string next = Explain(dsn.recipients[i]);
    if (i > 0 && next != explanation) Append(text, "\n", explanation, "\n");
    if (i == 0 || next != explanation) text += "\n";
    Append(text, "<", OneLine(dsn.recipients[i].final_recipient, ReplyCharset::kUtf8), ">\n");
    explanation = std::move(next);
  }
  Append(text, "\n", explanation, "\n");
  return text;
}

// Returns a non-ASCII address as RFC 6533 §3 writes it: with `charset` kAscii as utf-8-addr-xtext,
// else as utf-8-addr-unitext.
std::string Utf8Address(std::string_view address, ReplyCharset charset) {
  std::string out;
  while (!address.empty()) {
    const std::size_t octets = FirstUtf8Piece(address).octets;
    const auto lead = static_cast<unsigned char>(address.front());
    const bool special = lead == '+' || lead == '=' || lead == '\\' || lead <= ' ';
    if (!special && (lead < 0x80 || charset == ReplyCharset::kUtf8)) {
      out.append(address.substr(0, octets));
    } else {
      std::uint32_t code_point = octets == 1 ? lead : lead & (0xffU >> (octets + 1));
      for (const char c : address.substr(1, octets - 1))
        code_point = (code_point << 6U) | (static_cast<unsigned char>(c) & 0x3fU);
      std::string hex;
      for (; code_point > 0 || hex.size() < 2; code_point >>= 4U)
        hex.insert(hex.begin(), "0123456789ABCDEF"[code_point & 15U]);
      Append(out, "\\x{", hex, "}");
    }
    address.remove_prefix(octets);
  }
  return out;
}

void AppendRecipientFields(const DsnRecipient& recipient, ReplyCharset charset, std::string& out) {
  const std::string address = OneLine(recipient.final_recipient, ReplyCharset::kUtf8);
  const std::string typed =
      IsAscii(address) ? Cat("rfc822; ", address) : Cat("utf-8; ", Utf8Address(address, charset));
  out += "\r\n";
  AppendField("Final-Recipient", typed, out);
  AppendField("Action", "failed", out);
  AppendField("Status", recipient.status.empty() ? "5.0.0" : recipient.status.ToString(), out);
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
  AppendField("Date", FormatRfc5322(dsn.date), out);
  AppendField("From", Cat("Mail Delivery System <MAILER-DAEMON@", dsn.reporting_mta, ">"), out);
  AppendField("To", Cat("<", OneLine(dsn.reverse_path, ReplyCharset::kUtf8), ">"), out);
  AppendField("Subject", "Your message was not delivered", out);
  AppendField("Message-ID", Cat("<", dsn.msg_id, ">"), out);
  const std::string in_reply_to = InReplyTo(dsn.original_header);
  if (!in_reply_to.empty()) AppendField("In-Reply-To", in_reply_to, out);
  AppendField("Auto-Submitted", "auto-replied", out);
  AppendField("MIME-Version", "1.0", out);
  Append(out, "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"",
         dsn.boundary, "\"\r\n");
}

void AppendTextPart(const Dsn& dsn, std::string& out) {
  const std::string text = HumanText(dsn);
  Append(out, "Content-Description: Notification\r\nContent-Type: text/plain; charset=",
         IsAscii(text) ? "us-ascii" : "utf-8", "\r\n");
  AppendEncoded(text, out);
}

void AppendStatusPart(const Dsn& dsn, ReplyCharset charset, std::string& out) {
  std::string fields;
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
  Append(out, "Content-Description: Undelivered message header section\r\nContent-Type: ",
         global ? "message/global-headers" : "text/rfc822-headers", "\r\n");
  AppendEncoded(fields, out);
}

}  // namespace

std::string BuildDsn(const Dsn& dsn) {
  PENSTOCK_CHECK(!dsn.recipients.empty() && !dsn.reverse_path.empty());
  const bool utf8 = dsn.smtputf8 || !IsAscii(dsn.reverse_path);
  const ReplyCharset charset = utf8 ? ReplyCharset::kUtf8 : ReplyCharset::kAscii;
  std::string parts;
  Append(parts, "This is a delivery status notification in MIME format (RFC 3464).\r\n");
  const std::string delimiter = Cat("\r\n--", dsn.boundary);
  Append(parts, delimiter, "\r\n");
  AppendTextPart(dsn, parts);
  Append(parts, delimiter, "\r\n");
  AppendStatusPart(dsn, charset, parts);
  Append(parts, delimiter, "\r\n");
  AppendHeaderPart(dsn, parts);
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
