// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/trace_field.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/mail/address_literal.h"
#include "engine/mail/mailbox.h"

namespace penstock::mail {
namespace {

constexpr std::string_view kComment = "(Penstock";
constexpr std::string_view kOrganization = "organization=";
constexpr std::string_view kDirection = "direction=";

// Returns `name` fit for a trace field: what no host or resource name holds becomes "?".
std::string CleanName(std::string_view name) {
  std::string clean(name.substr(0, limits::kDomainOctetsMax));
  std::replace_if(
      clean.begin(), clean.end(),
      [](char c) {
        return !IsAsciiAlpha(c) && !IsAsciiDigit(c) &&
               std::string_view("-_.:[]").find(c) == std::string_view::npos;
      },
      '?');
  return clean;
}

bool IsHostName(std::string_view name) {
  return IsAddressLiteral(name) || (IsAscii(name) && NormalizeDomain(name).ok());
}

// Returns "from helo ([192.0.2.1])" with a space behind it (RFC 5321 §4.4 From-domain and
// TCP-info).
std::string FromClause(const ClientInfo& client) {
  const std::string literal = AddressLiteral(client.address);
  if (client.helo.empty() && literal.empty()) return {};
  if (IsHostName(client.helo)) {
    return literal.empty() ? Cat("from ", client.helo, "\r\n\t")
                           : Cat("from ", client.helo, " (", literal, ")\r\n\t");
  }
  const std::string host = literal.empty() ? std::string("unknown") : literal;
  if (client.helo.empty()) return Cat("from ", host, "\r\n\t");
  return Cat("from ", host, " (HELO ", CleanName(client.helo), ")\r\n\t");
}

std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> words;
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  for (auto at = text.begin(); at != text.end();) {
    const auto start = std::find_if_not(at, text.end(), is_space);
    at = std::find_if(start, text.end(), is_space);
    if (start != at) words.emplace_back(&*start, static_cast<std::size_t>(at - start));
  }
  return words;
}

// Whether `word` is `key` and then `value`, compared without regard to ASCII case.
bool Says(std::string_view word, std::string_view key, std::string_view value) {
  return StartsWithIgnoreAsciiCase(word, key) &&
         EqualsIgnoreAsciiCase(word.substr(key.size()), value);
}

// Whether a Received field's body carries `token`, however other servers have folded it.
bool Carries(std::string_view raw_body, const TraceToken& token) {
  const std::string body = Unfold(raw_body);
  const std::vector<std::string_view> words = Words(body);
  const std::string host = CleanName(token.host);
  const std::string organization = CleanName(token.organization);
  const std::string direction = Cat(CleanName(token.direction), ")");
  for (std::size_t i = 0; i + 4 < words.size(); ++i) {
    if (EqualsIgnoreAsciiCase(words[i], "by") && EqualsIgnoreAsciiCase(words[i + 1], host) &&
        words[i + 2] == kComment && Says(words[i + 3], kOrganization, organization) &&
        Says(words[i + 4], kDirection, direction)) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::string_view Name(const Transmission& transmission) {
  using Base = Transmission::Base;
  static constexpr std::array<std::string_view, 4> kEsmtp = {"ESMTP", "ESMTPA", "ESMTPS",
                                                             "ESMTPSA"};
  static constexpr std::array<std::string_view, 4> kLmtp = {"LMTP", "LMTPA", "LMTPS", "LMTPSA"};
  static constexpr std::array<std::string_view, 4> kUtf8Smtp = {"UTF8SMTP", "UTF8SMTPA",
                                                                "UTF8SMTPS", "UTF8SMTPSA"};
  static constexpr std::array<std::string_view, 4> kUtf8Lmtp = {"UTF8LMTP", "UTF8LMTPA",
                                                                "UTF8LMTPS", "UTF8LMTPSA"};
  if (transmission.base == Base::kSmtp) return "SMTP";
  const std::size_t variant = (transmission.tls ? 2U : 0U) + (transmission.authenticated ? 1U : 0U);
  if (transmission.base == Base::kLmtp) {
    return transmission.smtputf8 ? kUtf8Lmtp[variant] : kLmtp[variant];
  }
  return transmission.smtputf8 ? kUtf8Smtp[variant] : kEsmtp[variant];
}

std::string ReceivedField(const TraceField& trace) {
  std::string field = Cat("Received: ", FromClause(trace.client));
  Append(field, "by ", CleanName(trace.by.host), " ", kComment, " ", kOrganization,
         CleanName(trace.by.organization), " ", kDirection, CleanName(trace.by.direction),
         ")\r\n\t");
  if (!trace.with.empty()) Append(field, "with ", trace.with, " ");
  Append(field, "id ", CleanName(trace.id), ";\r\n\t", FormatRfc5322(trace.date), "\r\n");
  return field;
}

std::optional<MailLoop> FindLoop(const HeaderSection& header, const TraceToken& token) {
  const std::vector<const HeaderField*> received = header.FindAll("Received");
  if (received.size() > limits::kReceivedFieldsMax) return MailLoop::kTooManyHops;
  const bool same = std::any_of(received.begin(), received.end(), [&](const HeaderField* field) {
    return Carries(field->body, token);
  });
  return same ? std::optional(MailLoop::kSameToken) : std::nullopt;
}

}  // namespace penstock::mail
