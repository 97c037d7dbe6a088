// SPDX-License-Identifier: Apache-2.0
#include "engine/delivery/maildir_path.h"

#include <algorithm>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/mail/mailbox.h"

namespace penstock::delivery {
namespace {

constexpr char kHexDigits[] = "0123456789ABCDEF";

template <class IsPlain>
std::string Escape(std::string_view part, IsPlain is_plain) {
  std::string out;
  for (std::size_t i = 0; i < part.size(); ++i) {
    const auto octet = static_cast<unsigned char>(part[i]);
    if (is_plain(part[i]) && !(i == 0 && part[i] == '.')) {
      out += part[i];
    } else {
      out += {'%', kHexDigits[octet >> 4U], kHexDigits[octet & 0xFU]};
    }
  }
  return out;
}

bool IsPlainInLocalPart(char c) {
  const auto octet = static_cast<unsigned char>(c);
  return octet > ' ' && octet != 0x7F && c != '/' && c != '%' && c != '\\';
}

bool IsPlainInDomain(char c) {
  return IsAsciiAlpha(c) || IsAsciiDigit(c) || c == '-' || c == '.';
}

Status PathError(std::string_view text, std::string_view why) {
  return InvalidArgument(Cat("Maildir path \"", Printable(text), "\": ", why));
}

}  // namespace

StatusOr<MaildirPath> MaildirPath::Parse(std::string_view text) {
  if (!text.starts_with('/')) return PathError(text, "not absolute");
  if (text.find('\0') != std::string_view::npos) return PathError(text, "holds a NUL");
  for (const std::string_view part : Split(text, '/')) {
    if (part == "." || part == "..") return PathError(text, Cat("\"", part, "\" in it"));
  }
  MaildirPath path;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t open = rest.find('{');
    if (open != 0) path.pieces_.push_back({Kind::kText, std::string(rest.substr(0, open))});
    if (open == std::string_view::npos) break;
    const std::size_t close = rest.find('}', open);
    const std::string_view name =
        rest.substr(open, close == std::string_view::npos ? close : close - open + 1);
    if (name == "{domain}") {
      path.pieces_.push_back({Kind::kDomain, {}});
    } else if (name == "{local_part}") {
      path.pieces_.push_back({Kind::kLocalPart, {}});
    } else {
      return PathError(text,
                       Cat(Printable(name), ": only {domain} and {local_part} have a meaning"));
    }
    path.per_recipient_ = true;
    rest.remove_prefix(close + 1);
  }
  return path;
}

StatusOr<std::string> MaildirPath::For(std::string_view forward_path) const {
  std::string local_part;
  std::string domain;
  if (per_recipient_) {
    PENSTOCK_ASSIGN_OR_RETURN(const mail::Mailbox given, mail::Mailbox::Parse(forward_path));
    // The key spells one mailbox one way; its own parts are what it parses into.
    PENSTOCK_ASSIGN_OR_RETURN(const mail::Mailbox mailbox, mail::Mailbox::Parse(given.Key()));
    local_part = Escape(mailbox.local_part, IsPlainInLocalPart);
    domain = Escape(mailbox.domain, IsPlainInDomain);
  }
  std::string out;
  for (const Piece& piece : pieces_) {
    out += piece.kind == Kind::kText     ? piece.text
           : piece.kind == Kind::kDomain ? domain
                                         : local_part;
  }
  for (const std::string_view part : Split(out, '/')) {
    if (part.size() > limits::kFileNameOctetsMax) {
      return InvalidArgument(Cat("mailbox \"", Printable(forward_path),
                                 "\": its folder's name would be longer than ",
                                 limits::kFileNameOctetsMax, " octets"));
    }
  }
  return out;
}

}  // namespace penstock::delivery
