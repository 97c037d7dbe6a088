// SPDX-License-Identifier: Apache-2.0
// A notification is read back by a reader that shares no code with its writer: three parts of the
// types of RFC 3464 §2, whose addresses, status codes, texts and fields are those that were put in,
// in lines that any server takes. Input: an octet of choices, then texts that end in 0xff (which no
// UTF-8 holds): whom it is for, and of each recipient its address, its bounce message, the next
// hop's reply and its name; what is left is the header section of the undelivered message.
// Covers: engine/mail/dsn.cc
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/strings.h"
#include "engine/base/time.h"
#include "engine/mail/dsn.h"
#include "engine/mail/smtp_reply.h"

using penstock::Cat;
using penstock::IsAscii;
using penstock::IsValidUtf8;
using penstock::mail::Dsn;
using penstock::mail::DsnRecipient;
using penstock::mail::SmtpReplyParser;

namespace {

constexpr std::string_view kCrlf = "\r\n";
constexpr std::size_t kWhole = 900;  // octets of a field that is surely not cut

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Part {
  Fields fields;
  std::string content;
};

std::string Value(const Fields& fields, std::string_view name) {
  std::optional<std::string> value;
  for (const auto& [one, text] : fields) {
    if (one != name) continue;
    PENSTOCK_CHECK(!value);  // none stands twice
    value = text;
  }
  PENSTOCK_CHECK(value);
  return *value;
}

// `lines`: fields, each line with its CRLF.
Fields ReadFields(std::string_view lines) {
  Fields fields;
  while (!lines.empty()) {
    const std::size_t end = lines.find(kCrlf);
    PENSTOCK_CHECK(end != std::string_view::npos && end > 0);
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(end + 2);
    if (line.front() == ' ') {
      PENSTOCK_CHECK(!fields.empty() && line.find_first_not_of(' ') != std::string_view::npos);
      fields.back().second += line;
      continue;
    }
    const std::size_t colon = line.find(": ");
    PENSTOCK_CHECK(colon != std::string_view::npos && colon > 0);
    fields.emplace_back(line.substr(0, colon), line.substr(colon + 2));
  }
  return fields;
}

// RFC 2045 §6.7; what is not of it is a fault of the writer.
std::string DecodeQuoted(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      out += text[i];
    } else if (text.substr(i + 1, 2) == kCrlf) {
      i += 2;
    } else {
      const std::size_t high = i + 2 < text.size() ? kHex.find(text[i + 1]) : kHex.npos;
      const std::size_t low = i + 2 < text.size() ? kHex.find(text[i + 2]) : kHex.npos;
      PENSTOCK_CHECK(high != kHex.npos && low != kHex.npos);
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

std::string WithLf(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) != kCrlf) out += text[i];
  }
  return out;
}

Part ReadPart(std::string_view octets) {
  const std::size_t blank = octets.find("\r\n\r\n");
  PENSTOCK_CHECK(blank != std::string_view::npos);
  Part part{ReadFields(octets.substr(0, blank + 2)), {}};
  const std::string_view content = octets.substr(blank + 4);
  const std::string encoding = Value(part.fields, "Content-Transfer-Encoding");
  PENSTOCK_CHECK(encoding == "7bit" || encoding == "8bit" || encoding == "quoted-printable");
  PENSTOCK_CHECK(encoding == "8bit" || IsAscii(content));
  part.content = encoding == "quoted-printable" ? DecodeQuoted(content) : std::string(content);
  return part;
}

// The parts between the delimiters, of which the last one closes the message.
std::vector<Part> ReadParts(std::string_view body, std::string_view boundary) {
  const std::string delimiter = Cat("\r\n--", boundary);
  std::vector<Part> parts;
  std::size_t at = body.find(delimiter);
  PENSTOCK_CHECK(at != std::string_view::npos);
  while (true) {
    body.remove_prefix(at + delimiter.size());
    if (body == "--\r\n") return parts;
    PENSTOCK_CHECK(body.starts_with(kCrlf));
    body.remove_prefix(2);
    at = body.find(delimiter);
    PENSTOCK_CHECK(at != std::string_view::npos);
    parts.push_back(ReadPart(body.substr(0, at)));
  }
}

void CheckLines(std::string_view message) {
  while (!message.empty()) {
    const std::size_t end = message.find(kCrlf);
    PENSTOCK_CHECK(end != std::string_view::npos && end <= 998);
    const std::string_view line = message.substr(0, end);
    PENSTOCK_CHECK(line.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
    message.remove_prefix(end + 2);
  }
}

// RFC 6533 §3: \x{HEX} stands for a code point.
std::string DecodeUtf8Address(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (!text.starts_with("\\x{")) {
      out += text.front();
      text.remove_prefix(1);
      continue;
    }
    std::uint32_t code = 0;
    for (text.remove_prefix(3); !text.empty() && text.front() != '}'; text.remove_prefix(1)) {
      const std::size_t digit = std::string_view("0123456789ABCDEF").find(text.front());
      PENSTOCK_CHECK(digit != std::string_view::npos);
      code = code * 16 + static_cast<std::uint32_t>(digit);
    }
    PENSTOCK_CHECK(!text.empty());
    text.remove_prefix(1);
    if (code < 0x80) {
      out += static_cast<char>(code);
      continue;
    }
    const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    constexpr std::uint32_t kLeads[] = {0, 0xc0, 0xe0, 0xf0};
    out += static_cast<char>(kLeads[more] | code >> (6U * static_cast<unsigned>(more)));
    for (int i = more - 1; i >= 0; --i)
      out += static_cast<char>(0x80U | (code >> (6U * static_cast<unsigned>(i)) & 0x3fU));
  }
  return out;
}

void CheckRecipient(const Fields& fields, const DsnRecipient& recipient) {
  PENSTOCK_CHECK(Value(fields, "Action") == "failed");
  const std::string status = recipient.status.empty() ? "5.0.0" : recipient.status.ToString();
  PENSTOCK_CHECK(Value(fields, "Status") == status);
  const std::string written = Value(fields, "Final-Recipient");
  const std::string& address = recipient.final_recipient;
  if (written.size() > kWhole || !IsValidUtf8(address)) return;
  if (IsAscii(address)) {
    PENSTOCK_CHECK(written == "rfc822; " + address);
  } else {
    PENSTOCK_CHECK(written.starts_with("utf-8; "));
    PENSTOCK_CHECK(DecodeUtf8Address(std::string_view(written).substr(7)) == address);
  }
  if (!recipient.remote_mta.empty() && recipient.remote_mta.size() < kWhole)
    PENSTOCK_CHECK(Value(fields, "Remote-MTA") == "dns; " + recipient.remote_mta);
  if (recipient.diagnostic) PENSTOCK_CHECK(Value(fields, "Diagnostic-Code").starts_with("smtp; 5"));
}

void CheckText(const Part& part, const Dsn& dsn) {
  const std::string type = Value(part.fields, "Content-Type");
  PENSTOCK_CHECK(type == "text/plain; charset=us-ascii" || type == "text/plain; charset=utf-8");
  const std::string text = WithLf(part.content);
  PENSTOCK_CHECK(IsValidUtf8(text) && (type.ends_with("utf-8") || IsAscii(text)));
  const auto is_odd = [](char c) {
    return (static_cast<unsigned char>(c) < ' ' && c != '\n') || c == '\x7f';
  };
  PENSTOCK_CHECK(std::none_of(text.begin(), text.end(), is_odd));
  for (const DsnRecipient& recipient : dsn.recipients) {
    const std::string& address = recipient.final_recipient;
    if (IsValidUtf8(address)) PENSTOCK_CHECK(text.find(Cat("<", address, ">\n")) != text.npos);
    const std::string& said = recipient.bounce_message;
    const bool plain =
        !said.empty() && said.size() <= 1024 && said.front() != ' ' && said.back() != ' ' &&
        std::none_of(said.begin(), said.end(), [](char c) { return c < ' ' || c == '\x7f'; });
    if (plain) PENSTOCK_CHECK(text.find("\n" + said + "\n") != text.npos);
  }
}

void CheckMessage(const std::string& message, const Dsn& dsn) {
  CheckLines(message);
  PENSTOCK_CHECK(IsAscii(message) || dsn.smtputf8 || !IsAscii(dsn.reverse_path));
  const std::size_t blank = message.find("\r\n\r\n");
  PENSTOCK_CHECK(blank != std::string::npos);
  const Fields header = ReadFields(std::string_view(message).substr(0, blank + 2));
  for (const std::string_view name : {"Date", "From", "Subject", "Message-ID"})
    PENSTOCK_CHECK(!Value(header, name).empty());
  PENSTOCK_CHECK(Value(header, "Auto-Submitted") == "auto-replied");
  PENSTOCK_CHECK(Value(header, "MIME-Version") == "1.0");
  const std::string to = Value(header, "To");
  if (to.size() <= kWhole && IsValidUtf8(dsn.reverse_path))
    PENSTOCK_CHECK(to == Cat("<", dsn.reverse_path, ">"));
  PENSTOCK_CHECK(
      Value(header, "Content-Type") ==
      Cat("multipart/report; report-type=delivery-status; boundary=\"", dsn.boundary, "\""));

  const std::vector<Part> parts =
      ReadParts(std::string_view(message).substr(blank + 2), dsn.boundary);
  PENSTOCK_CHECK(parts.size() == 3);
  CheckText(parts[0], dsn);

  const std::string type = Value(parts[1].fields, "Content-Type");
  PENSTOCK_CHECK(type == (IsAscii(parts[1].content) ? "message/delivery-status"
                                                    : "message/global-delivery-status"));
  std::string_view report = parts[1].content;
  std::size_t group = 0;
  for (; !report.empty(); ++group) {
    const std::size_t end = std::min(report.find("\r\n\r\n"), report.size());
    const Fields fields = ReadFields(report.substr(0, end + 2));
    report.remove_prefix(std::min(end + 4, report.size()));
    if (group == 0) {
      PENSTOCK_CHECK(Value(fields, "Reporting-MTA") == "dns; " + dsn.reporting_mta);
      PENSTOCK_CHECK(!Value(fields, "Arrival-Date").empty());
    } else {
      PENSTOCK_CHECK(group <= dsn.recipients.size());
      CheckRecipient(fields, dsn.recipients[group - 1]);
    }
  }
  PENSTOCK_CHECK(group == dsn.recipients.size() + 1);

  // What is attached is of the original, as it was.
  const std::string original = WithLf(dsn.original_header) + "\n";
  PENSTOCK_CHECK(original.find(WithLf(parts[2].content)) != std::string::npos);
  if (dsn.original_header.starts_with("Subject:"))
    PENSTOCK_CHECK(parts[2].content.starts_with("Subject:"));
}

std::string TakeText(std::string_view& octets) {
  const std::size_t end = std::min(octets.find('\xff'), octets.size());
  std::string text(octets.substr(0, end));
  octets.remove_prefix(std::min(end + 1, octets.size()));
  return text;
}

// As the front doors take addresses.
std::string TakeAddress(std::string_view& octets) {
  std::string text = TakeText(octets);
  text.erase(
      std::remove_if(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }),
      text.end());
  return text.empty() ? "anna@a.example" : text;
}

DsnRecipient TakeRecipient(std::string_view& octets, unsigned choices) {
  DsnRecipient recipient;
  recipient.final_recipient = TakeAddress(octets);
  if ((choices & 1U) != 0) recipient.status = {5, 1, static_cast<int>(octets.size() % 1000)};
  recipient.bounce_message = TakeText(octets);
  SmtpReplyParser parser;
  const std::string reply = TakeText(octets);
  const auto taken = parser.Feed(Cat("55", reply, "\r\n"));
  if (taken.ok() && parser.done()) recipient.diagnostic = parser.Take();
  recipient.remote_mta = TakeAddress(octets);
  if (!IsAscii(recipient.remote_mta) || recipient.remote_mta.find(' ') != std::string::npos)
    recipient.remote_mta.clear();
  return recipient;
}

// As good as random: no text can be made that holds it.
std::string Boundary(std::string_view octets) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : octets)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  std::string boundary;
  for (int i = 0; i < 32; ++i, hash = hash >> 4U | hash << 60U)
    boundary += "0123456789abcdef"[hash & 15U];
  return boundary;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
  const unsigned choices = data[0];
  Dsn dsn;
  dsn.reporting_mta = "mx.b.example";
  dsn.arrival_date = penstock::FromUnixMillis(1'795'290'400'000);
  dsn.date = penstock::FromUnixMillis(1'795'290'480'000 + std::int64_t{choices} * 3'600'000);
  dsn.msg_id = "0b1e@mx.b.example";
  dsn.boundary = Boundary(octets);
  dsn.smtputf8 = (choices & 2U) != 0;
  dsn.reverse_path = TakeAddress(octets);
  for (unsigned i = 0; i <= (choices >> 2U & 3U); ++i)
    dsn.recipients.push_back(TakeRecipient(octets, choices >> i));
  dsn.original_header = octets;
  CheckMessage(penstock::mail::BuildDsn(dsn), dsn);

  penstock::mail::Summary summary;
  summary.auto_submitted = (choices & 16U) != 0;
  summary.is_dsn = (choices & 32U) != 0;
  PENSTOCK_CHECK(penstock::mail::MayBounce(dsn.reverse_path, summary) == ((choices & 48U) == 0));
  PENSTOCK_CHECK(!penstock::mail::MayBounce("", summary));
  return 0;
}
