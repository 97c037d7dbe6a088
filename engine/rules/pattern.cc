// SPDX-License-Identifier: Apache-2.0
#include "engine/rules/pattern.h"

#include <algorithm>
#include <utility>

#include "engine/base/strings.h"
#include "engine/mail/mailbox.h"

namespace penstock::rules {
namespace {

Status Refuse(std::string_view text, std::string_view why) {
  return InvalidArgument(Cat("\"", Printable(text), "\": ", why));
}

// Returns `inner`, which engine/mail wrote about `piece`, as a refusal of `text`; where the piece
// is the whole text it is named once.
Status RefusePiece(std::string_view text, std::string_view piece, std::string_view what,
                   const Status& inner) {
  std::string_view why = Message(inner);
  const std::string named = Cat(what, " \"", Printable(piece), "\": ");
  if (piece == text && why.starts_with(named)) why.remove_prefix(named.size());
  return Refuse(text, why);
}

StatusOr<Pattern> ParseAddress(std::string_view text) {
  if (text.find('*') != std::string_view::npos) {
    return Refuse(text,
                  "a wildcard stands only at the front of a domain; for every address of a domain "
                  "write the domain alone");
  }
  const StatusOr<mail::Mailbox> mailbox = mail::Mailbox::Parse(text);
  if (!mailbox.ok()) return RefusePiece(text, text, "mailbox", mailbox.status());
  return Pattern{PatternKind::kAddress, mailbox->Key()};
}

StatusOr<Pattern> ParseDomain(std::string_view text) {
  const bool wildcard = text.starts_with("*.");
  const std::string_view domain = wildcard ? text.substr(2) : text;
  if (domain.find('*') != std::string_view::npos) {
    return Refuse(text, text.front() == '*' && !wildcard
                            ? "behind a wildcard at the front of a domain comes a dot, as in "
                              "\"*.example.com\""
                            : "a wildcard stands only at the front of a domain, once, as in "
                              "\"*.example.com\"");
  }
  StatusOr<std::string> normal = mail::NormalizeDomain(domain);
  if (!normal.ok()) return RefusePiece(text, domain, "domain", normal.status());
  return Pattern{wildcard ? PatternKind::kWildcardDomain : PatternKind::kDomain,
                 *std::move(normal)};
}

}  // namespace

std::string Specificity::ToString() const {
  switch (kind()) {
    case PatternKind::kAny:
      return "any";
    case PatternKind::kWildcardDomain:
      return Cat("wildcard domain of ", labels(), labels() == 1 ? " label" : " labels");
    case PatternKind::kDomain:
      return "domain";
    case PatternKind::kAddress:
      return "address";
  }
  return {};
}

StatusOr<Pattern> Pattern::Parse(std::string_view text) {
  if (text.empty()) return Refuse(text, "a pattern is not empty; \"*\" matches anything");
  if (text == "*") return Pattern{};
  if (text.find('+') != std::string_view::npos) {
    return Refuse(text, "\"+\" is not allowed in a pattern");
  }
  return text.find('@') != std::string_view::npos ? ParseAddress(text) : ParseDomain(text);
}

Specificity Pattern::specificity() const {
  const auto dots = static_cast<std::size_t>(std::count(key.begin(), key.end(), '.'));
  return {kind, dots + 1};
}

std::string Pattern::ToString() const {
  return PatternText(kind, key);
}

bool Pattern::Matches(std::string_view address_key) const {
  const std::string_view domain = DomainOfKey(address_key);
  switch (kind) {
    case PatternKind::kAny:
      return true;
    case PatternKind::kWildcardDomain:
      return domain == key || (domain.size() > key.size() && domain.ends_with(key) &&
                               domain[domain.size() - key.size() - 1] == '.');
    case PatternKind::kDomain:
      return domain == key;
    case PatternKind::kAddress:
      return address_key == key;
  }
  return false;
}

std::string PatternText(PatternKind kind, std::string_view key) {
  switch (kind) {
    case PatternKind::kAny:
      return "*";
    case PatternKind::kWildcardDomain:
      return Cat("*.", key);
    case PatternKind::kDomain:
    case PatternKind::kAddress:
      return std::string(key);
  }
  return {};
}

std::string_view DomainOfKey(std::string_view address_key) {
  const std::size_t at = address_key.rfind('@');
  return at == std::string_view::npos ? std::string_view() : address_key.substr(at + 1);
}

}  // namespace penstock::rules
