// SPDX-License-Identifier: Apache-2.0
#include "engine/delivery/smtp_transaction.h"

#include <algorithm>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/mail/xtext.h"

namespace penstock::delivery {
namespace {

using mail::SmtpReply;

constexpr std::string_view kCrlf = "\r\n";

// A path that would break out of its command line. No parser of ours lets one through.
bool HoldsControl(std::string_view path) {
  return std::any_of(path.begin(), path.end(),
                     [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7F; });
}

using Attributes = std::vector<std::pair<std::string, std::string>>;

Attributes AttributesOf(const SmtpTransaction& transaction) {
  const mail::ClientInfo& client = transaction.client;
  if (!client.forwarded.empty()) return client.forwarded;
  if (client.address.empty()) return {};
  const bool ipv6 = client.address.find(':') != std::string::npos;
  Attributes known = {{"ADDR", ipv6 ? Cat("IPV6:", client.address) : client.address},
                      {"PROTO", client.with == "SMTP" ? "SMTP" : "ESMTP"},
                      {"IDENT", transaction.message},
                      {"SOURCE", "REMOTE"}};
  if (!client.helo.empty()) known.emplace_back("HELO", client.helo);
  return known;
}

}  // namespace

ServerExtensions ParseExtensions(std::string_view ehlo_text) {
  ServerExtensions extensions;
  const auto lines = Split(ehlo_text, '\n');
  for (std::size_t i = 1; i < lines.size(); ++i) {  // the first is the server's name
    const std::string_view keyword = lines[i].substr(0, lines[i].find_first_of(" ="));
    if (EqualsIgnoreAsciiCase(keyword, "PIPELINING")) extensions.pipelining = true;
    if (EqualsIgnoreAsciiCase(keyword, "SIZE")) extensions.size = true;
    if (EqualsIgnoreAsciiCase(keyword, "8BITMIME")) extensions.eight_bit_mime = true;
    if (EqualsIgnoreAsciiCase(keyword, "SMTPUTF8")) extensions.smtputf8 = true;
    if (EqualsIgnoreAsciiCase(keyword, "STARTTLS")) extensions.starttls = true;
    if (EqualsIgnoreAsciiCase(keyword, "CHUNKING")) extensions.chunking = true;
    if (EqualsIgnoreAsciiCase(keyword, "BINARYMIME")) extensions.binary_mime = true;
    if (EqualsIgnoreAsciiCase(keyword, "DSN")) extensions.dsn = true;
    // "AUTH=PLAIN" as well, as servers of old have it.
    const bool auth = EqualsIgnoreAsciiCase(keyword, "AUTH");
    if (auth || EqualsIgnoreAsciiCase(keyword, "XFORWARD")) {
      const std::size_t begin = std::min(keyword.size() + 1, lines[i].size());
      for (const std::string_view name : Split(lines[i].substr(begin), ' ')) {
        if (!name.empty()) (auth ? extensions.auth : extensions.xforward).emplace_back(name);
      }
    }
  }
  return extensions;
}

std::string WithSubaddress(std::string_view path, std::string_view detail) {
  const std::size_t at = path.rfind('@');
  if (at == std::string_view::npos) return std::string(path);
  const std::string_view local_part = path.substr(0, at);
  const std::string_view quote = local_part.ends_with('"') ? "\"" : "";
  const std::string_view user =
      local_part.substr(0, std::min(local_part.find('+'), local_part.size() - quote.size()));
  return Cat(user, "+", detail, quote, path.substr(at));
}

std::string WithoutMarking(std::string_view path, const MarkingFields& marking) {
  const std::size_t at = std::min(path.rfind('@'), path.size());
  const std::string_view local_part = path.substr(0, at);
  const std::size_t plus = local_part.find('+');
  if (plus == std::string_view::npos) return std::string(path);
  const std::string_view quote = local_part.starts_with('"') ? "\"" : "";
  std::string detail;  // as the server reads it (RFC 5321 §4.1.2: quoted pairs)
  for (std::size_t i = plus + 1; i + quote.size() < local_part.size(); ++i) {
    if (!quote.empty() && local_part[i] == '\\') ++i;
    detail += local_part[i];
  }
  const auto is_ours = [&](const FieldMarking& mark) {
    return !mark.subaddress.empty() && EqualsIgnoreAsciiCase(mark.subaddress, detail);
  };
  if (!is_ours(marking.junk) && !is_ours(marking.bypass_spam_check)) return std::string(path);
  std::string_view user = local_part.substr(0, plus);
  const std::size_t before_slashes = user.find_last_not_of('\\');
  if ((user.size() - before_slashes - 1) % 2 == 1) user.remove_suffix(1);  // of a quoted "+"
  if (user == quote) return std::string(path);
  return Cat(user, quote, path.substr(at));
}

bool IsTaken(const SmtpReply& reply) {
  return reply.code >= 200 && reply.code < 300;
}

bool IsRefusal(const SmtpReply& reply) {
  return reply.is_transient() || reply.is_permanent();
}

std::vector<std::string> ForwardLines(const SmtpTransaction& transaction,
                                      const std::vector<std::string>& offered) {
  std::vector<std::string> lines;
  if (offered.empty()) return lines;
  for (const auto& [name, value] : AttributesOf(transaction)) {
    const bool wanted = std::any_of(
        offered.begin(), offered.end(),
        [&name = name](const std::string& one) { return EqualsIgnoreAsciiCase(one, name); });
    if (!wanted) continue;
    const std::string attribute = Cat(" ", name, "=", mail::EncodeXtext(value));
    const bool fits =
        !lines.empty() && lines.back().size() + attribute.size() <= limits::kForwardLineOctetsMax;
    if (!fits) lines.emplace_back("XFORWARD");
    lines.back() += attribute;
  }
  return lines;
}

SmtpCourse::SmtpCourse(SmtpTransaction t, const ServerExtensions& extensions)
    : transaction(std::move(t)),
      replies(transaction.forward_paths.size()),
      settled(transaction.forward_paths.size()) {
  if (HoldsControl(transaction.reverse_path)) {
    SetAll({553, {5, 1, 7}, "reverse path holds a control character"});
    return;
  }
  if (transaction.body_binary && !(extensions.chunking && extensions.binary_mime)) {
    // RFC 3030 §3: never by DATA.
    SetAll({554,
            {5, 6, 3},
            "the next mail server does not offer BINARYMIME, which this content needs: it holds CR "
            "or LF alone, or a very long line"});
    return;
  }
  const char* needs_utf8 = nullptr;
  if (!IsAscii(transaction.reverse_path)) needs_utf8 = "the sender's address";
  if (transaction.smtputf8 && transaction.content->has_non_ascii_header()) {
    needs_utf8 = "the header section";
  }
  for (std::size_t i = 0; i < transaction.forward_paths.size(); ++i) {
    const std::string& path = transaction.forward_paths[i];
    const char* needs = IsAscii(path) ? needs_utf8 : "the recipient's address";
    if (HoldsControl(path)) {
      replies[i] = {553, {5, 1, 3}, "forward path holds a control character"};
    } else if (needs != nullptr && !extensions.smtputf8) {
      // RFC 6531 §3.5: 5.6.7 where the next hop cannot take it.
      replies[i] = {553,
                    {5, 6, 7},
                    Cat("the next mail server does not offer SMTPUTF8, which ", needs, " needs")};
    } else {
      recipients.push_back(i);
      utf8 = utf8 || needs != nullptr;
    }
  }
  utf8 = extensions.smtputf8 && (utf8 || transaction.smtputf8);
}

std::string SmtpCourse::CommandLine(std::size_t command, const ServerExtensions& extensions) const {
  if (command == data_command()) return "DATA\r\n";
  if (command > 0) {
    const std::size_t recipient = recipients[command - 1];
    const bool dsn = extensions.dsn && recipient < transaction.recipients_dsn.size();
    return Cat("RCPT TO:<", transaction.forward_paths[recipient], ">",
               dsn ? RcptParameters(transaction.recipients_dsn[recipient], utf8) : "", kCrlf);
  }
  std::string line = Cat("MAIL FROM:<", transaction.reverse_path, ">");
  if (extensions.size) Append(line, " SIZE=", transaction.content->octets());
  if (transaction.body_binary) {
    line += " BODY=BINARYMIME";
  } else if (extensions.eight_bit_mime && transaction.body_8bit) {
    line += " BODY=8BITMIME";
  }
  if (utf8) line += " SMTPUTF8";
  if (extensions.dsn) line += MailParameters(transaction.dsn);
  line += kCrlf;
  return line;
}

bool SmtpCourse::IsOpen(std::size_t recipient) const {
  const auto& reply = replies[recipient];
  return !settled[recipient] && (!reply || IsTaken(*reply));
}

bool SmtpCourse::any_taken() const {
  return std::any_of(recipients.begin(), recipients.end(),
                     [this](std::size_t i) { return replies[i] && IsOpen(i); });
}

bool SmtpCourse::SetAll(const SmtpReply& reply) {
  bool any = false;
  for (std::size_t i = 0; i < replies.size(); ++i) {
    if (!IsOpen(i)) continue;
    replies[i] = reply;
    any = true;
  }
  return any;
}

// RFC 5321 §4.5.3.1.10.
std::vector<std::size_t> SmtpCourse::LeftOver() const {
  constexpr mail::EnhancedStatus kTooMany{4, 5, 3};
  std::vector<std::size_t> left;
  for (const std::size_t i : recipients) {
    const SmtpReply& reply = *replies[i];
    const bool too_many = reply.status.empty() || reply.status == kTooMany;
    if (served && !settled[i] && reply.code == 452 && too_many) left.push_back(i);
  }
  return left;
}

}  // namespace penstock::delivery
