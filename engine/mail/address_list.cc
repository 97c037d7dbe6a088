// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/address_list.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/mail/address_literal.h"
#include "engine/mail/gmime_library.h"
#include "engine/mail/header_section.h"

namespace penstock::mail {
namespace {

// What stands in a dot-atom (RFC 5322 §3.2.3), ASCII only.
bool IsDotAtomOctet(char c) {
  constexpr std::string_view kOthers = "!#$%&'*+-/=?^_`{|}~.";
  return IsAsciiAlpha(c) || IsAsciiDigit(c) || kOthers.find(c) != std::string_view::npos;
}

bool IsDotAtom(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsDotAtomOctet);
}

// Returns how many octets the quoted string at the front of `text` has; 0 if it does not end.
std::size_t QuotedStringOctets(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') return i + 1;
    if (text[i] == '\\') ++i;
  }
  return 0;
}

// Whether `text` is a display name of ASCII words and quoted strings, without comments.
bool IsPlainPhrase(std::string_view text) {
  while (!text.empty()) {
    const std::size_t octets = text.front() == '"' ? QuotedStringOctets(text) : 1;
    const bool taken = octets > 1 || text.front() == ' ' || IsDotAtomOctet(text.front());
    if (octets == 0 || !taken) return false;
    text.remove_prefix(octets);
  }
  return true;
}

// Reads the two forms that nearly all mail has, `a@b.example` and `Name <a@b.example>`, without
// GMime, as GMime would; and besides those whose local part has dots where there may be none, which
// GMime gives up on although such mail is sent. Null: GMime has to look.
std::optional<Mailbox> ReadPlainAddress(std::string_view body) {
  body = TrimAsciiSpace(body);
  const bool ascii =
      std::all_of(body.begin(), body.end(), [](char c) { return c >= ' ' && c < 0x7f; });
  if (!ascii) return std::nullopt;
  if (body.ends_with('>')) {
    const auto open = body.rfind('<');
    if (open == std::string_view::npos || !IsPlainPhrase(body.substr(0, open))) return std::nullopt;
    body = body.substr(open + 1, body.size() - open - 2);
  }
  const auto at = body.find('@');
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view local_part = body.substr(0, at);
  const std::string_view domain = body.substr(at + 1);
  if (!IsDotAtom(local_part) || domain.ends_with('.') || !NormalizeDomain(domain).ok()) {
    return std::nullopt;
  }
  return Mailbox{std::string(local_part), std::string(domain)};
}

// GMime turns A-labels into U-labels. Returns the A-labels where the field has them.
std::string_view DomainAsWritten(InternetAddressMailbox* mailbox, std::string_view domain,
                                 std::string_view lower_case_body) {
  if (lower_case_body.find("xn--") == std::string_view::npos) return domain;
  const char* idn = internet_address_mailbox_get_idn_addr(mailbox);
  if (idn == nullptr) return domain;
  const std::string_view encoded(idn);
  const std::string_view a_labels = encoded.substr(encoded.rfind('@') + 1);
  const bool written = lower_case_body.find(AsciiLower(a_labels)) != std::string_view::npos;
  return written ? a_labels : domain;
}

void AddMailbox(InternetAddressMailbox* mailbox, std::string_view lower_case_body,
                std::vector<Mailbox>& mailboxes) {
  const std::string_view address(internet_address_mailbox_get_addr(mailbox));
  if (mailbox->at <= 0 || !IsValidUtf8(address)) return;
  const auto at = static_cast<std::size_t>(mailbox->at);
  const std::string_view domain = DomainAsWritten(mailbox, address.substr(at + 1), lower_case_body);
  if (!IsAddressLiteral(domain) && !NormalizeDomain(domain).ok()) return;
  mailboxes.push_back({std::string(address.substr(0, at)), std::string(domain)});
}

void AddMailboxes(InternetAddressList* list, std::string_view lower_case_body,
                  std::vector<Mailbox>& mailboxes) {
  for (int i = 0; i < internet_address_list_length(list); ++i) {
    InternetAddress* address = internet_address_list_get_address(list, i);
    if (INTERNET_ADDRESS_IS_MAILBOX(address)) {
      AddMailbox(INTERNET_ADDRESS_MAILBOX(address), lower_case_body, mailboxes);
    } else if (INTERNET_ADDRESS_IS_GROUP(address)) {
      InternetAddressGroup* group = INTERNET_ADDRESS_GROUP(address);
      AddMailboxes(internet_address_group_get_members(group), lower_case_body, mailboxes);
    }
  }
}

// GMime 3.2.13 loses memory where a comment behind an address literal is not closed. So many
// closing brackets that every comment is, whatever GMime takes for one; those too many it steps
// over.
void CloseComments(std::string& body) {
  if (body.find('[') == std::string::npos) return;
  const auto open = std::count(body.begin(), body.end(), '(');
  if (open > 0) body.append(static_cast<std::size_t>(open) + 1, ')');  // one may be escaped
}

}  // namespace

std::vector<Mailbox> ParseAddressList(std::string_view raw_body) {
  std::vector<Mailbox> mailboxes;
  if (raw_body.size() > limits::kAddressFieldOctetsMax) return mailboxes;
  if (auto plain = ReadPlainAddress(raw_body)) {
    mailboxes.push_back(*std::move(plain));
    return mailboxes;
  }
  // Each colon may open a group, and GMime recurses into groups within groups.
  const auto colons = std::count(raw_body.begin(), raw_body.end(), ':');
  const bool has_nul = raw_body.find('\0') != std::string_view::npos;
  if (has_nul || colons > limits::kAddressFieldColonsMax) return mailboxes;

  std::string body = Unfold(raw_body);
  CloseComments(body);
  const GmimeObject<InternetAddressList> list(
      internet_address_list_parse(GmimeOptions(), body.c_str()));
  if (list) AddMailboxes(list.get(), AsciiLower(body), mailboxes);
  return mailboxes;
}

}  // namespace penstock::mail
