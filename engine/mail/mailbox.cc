// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/mailbox.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include <idn2.h>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/mail/address_literal.h"

namespace penstock::mail {
namespace {

// A fault in a mailbox or domain: what is wrong, and the octet that it is wrong at.
struct Fault {
  std::string why;
  std::size_t at = 0;
};

// Returns the 1-based column of octet `at`, counted in characters.
std::size_t Column(std::string_view text, std::size_t at) {
  const std::string_view before = text.substr(0, at);
  const auto continuations = std::count_if(before.begin(), before.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) == 0x80;
  });
  return before.size() - static_cast<std::size_t>(continuations) + 1;
}

Status Refuse(std::string_view what, std::string_view text, const Fault& fault) {
  return InvalidArgument(Cat(what, " \"", Printable(text), "\": ", fault.why, " (column ",
                             Column(text, fault.at), ")"));
}

bool IsNonAscii(char c) {
  return static_cast<unsigned char>(c) >= 0x80;
}

bool IsControl(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// RFC 5322 §3.2.3 atext, with RFC 6531 §3.3's UTF8-non-ascii.
bool IsAtext(char c) {
  constexpr std::string_view kSpecials = "!#$%&'*+-/=?^_`{|}~";
  return IsAsciiAlpha(c) || IsAsciiDigit(c) || IsNonAscii(c) ||
         kSpecials.find(c) != std::string_view::npos;
}

std::string NotAllowed(char c, std::string_view where) {
  const std::string shown =
      IsNonAscii(c) ? "a non-ASCII character" : Cat("\"", Printable({&c, 1}), "\"");
  return Cat(shown, " is not allowed in ", where);
}

// Finds the end of the quoted string that `text` begins with (RFC 5321 §4.1.2 Quoted-string).
std::optional<Fault> ScanQuotedString(std::string_view text, std::size_t& end) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      end = i + 1;
      return std::nullopt;
    }
    if (IsControl(text[i])) return Fault{NotAllowed(text[i], "a quoted local part"), i};
    if (text[i] != '\\') continue;
    ++i;
    if (i < text.size() && (IsControl(text[i]) || IsNonAscii(text[i]))) {
      return Fault{NotAllowed(text[i], "a quoted pair"), i};
    }
  }
  return Fault{"the quoted local part has no closing quote", 0};
}

// Finds the end of the atoms and dots that `text` begins with (Dot-string).
std::optional<Fault> ScanDotString(std::string_view text, std::size_t& end) {
  std::size_t i = 0;
  for (; i < text.size() && (IsAtext(text[i]) || text[i] == '.'); ++i) {
    if (text[i] != '.') continue;
    if (i == 0) return Fault{"the local part begins with a dot", i};
    if (text[i - 1] == '.') return Fault{"two dots in a row in the local part", i};
  }
  if (i > 0 && text[i - 1] == '.' && (i == text.size() || text[i] == '@')) {
    return Fault{"the local part ends with a dot", i - 1};
  }
  end = i;
  return std::nullopt;
}

std::optional<Fault> ScanLocalPart(std::string_view text, std::size_t& end) {
  if (text.empty()) return Fault{"empty", 0};
  if (text.front() == '@') return Fault{"no local part before \"@\"", 0};
  const bool quoted = text.front() == '"';
  if (auto fault = quoted ? ScanQuotedString(text, end) : ScanDotString(text, end)) return fault;
  if (end == text.size()) return Fault{"no \"@\" and domain", end};
  if (text[end] != '@') {
    return Fault{
        NotAllowed(text[end], quoted ? "a local part after its quotes" : "an unquoted local part"),
        end};
  }
  if (end > limits::kLocalPartOctetsMax) {
    return Fault{Cat("local part over ", limits::kLocalPartOctetsMax, " octets"), 0};
  }
  return std::nullopt;
}

// Checks the labels of a domain without its trailing dot. Letters, digits, hyphens inside (RFC 5321
// §4.1.2); underscores besides, which real domains have; non-ASCII only where `u_labels`.
std::optional<Fault> CheckLabels(std::string_view domain, bool u_labels) {
  constexpr std::size_t kLabelOctetsMax = 63;  // RFC 1035 §2.3.4
  if (domain.empty()) return Fault{"no domain", 0};
  if (domain.size() > limits::kDomainOctetsMax) {
    return Fault{Cat("domain over ", limits::kDomainOctetsMax, " octets"), 0};
  }
  std::size_t start = 0;
  for (std::size_t i = 0; i <= domain.size(); ++i) {
    if (i < domain.size() && domain[i] != '.') {
      const char c = domain[i];
      const bool allowed =
          IsAsciiAlpha(c) || IsAsciiDigit(c) || c == '-' || c == '_' || (u_labels && IsNonAscii(c));
      if (!allowed) return Fault{NotAllowed(c, "a domain"), i};
      continue;
    }
    if (i == start) return Fault{"empty label in the domain", i};
    if (domain[start] == '-') return Fault{"a label begins with a hyphen", start};
    if (domain[i - 1] == '-') return Fault{"a label ends with a hyphen", i - 1};
    if (!u_labels && i - start > kLabelOctetsMax) {
      return Fault{Cat("a label over ", kLabelOctetsMax, " octets"), start};
    }
    start = i + 1;
  }
  return std::nullopt;
}

// Makes A-labels of a domain with U-labels (RFC 5891 §5, with the mapping of UTS 46).
std::optional<Fault> ToALabels(std::string_view domain, std::string& a_labels) {
  const std::string input = AsciiLower(domain);
  std::uint8_t* output = nullptr;
  const auto* octets = reinterpret_cast<const std::uint8_t*>(input.c_str());
  const int result = idn2_lookup_u8(octets, &output, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
  if (result != IDN2_OK) {
    return Fault{Cat("no domain in any script: ", idn2_strerror(result)), 0};
  }
  a_labels = reinterpret_cast<const char*>(output);
  idn2_free(output);
  // The mapping may have made dots, slashes or an at sign of compatibility characters.
  if (auto fault = CheckLabels(a_labels, false)) {
    return Fault{Cat(fault->why, ", once it is written as \"", Printable(a_labels), "\""), 0};
  }
  return std::nullopt;
}

// Checks `domain` and writes its normal form; places in a Fault count within `domain`.
std::optional<Fault> Normalize(std::string_view domain, std::string& normal) {
  if (domain.ends_with('.')) domain.remove_suffix(1);
  const bool ascii = std::none_of(domain.begin(), domain.end(), IsNonAscii);
  if (auto fault = CheckLabels(domain, !ascii)) return fault;
  if (!ascii) return ToALabels(domain, normal);
  normal = AsciiLower(domain);
  return std::nullopt;
}

// Returns what a local part with quotes means (RFC 5321 §4.1.2: quoting is form, not content). In a
// header field it may be several words, `"a"."b c"` (RFC 5322 §4.4 obs-local-part).
std::string Unquote(std::string_view quoted) {
  std::string content;
  for (std::size_t i = 0; i < quoted.size(); ++i) {
    if (quoted[i] == '"') continue;
    if (quoted[i] == '\\' && i + 1 < quoted.size()) ++i;
    content += quoted[i];
  }
  return content;
}

std::string Quote(std::string_view content) {
  std::string quoted = "\"";
  for (const char c : content) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

std::string LocalPartKey(std::string_view local_part) {
  const bool quoted = local_part.size() >= 2 && local_part.find('"') != std::string_view::npos;
  if (!quoted) return AsciiLower(local_part);
  const std::string content = AsciiLower(Unquote(local_part));
  std::size_t end = 0;
  const bool needless = !content.empty() && !ScanDotString(content, end) && end == content.size();
  return needless ? content : Quote(content);
}

}  // namespace

StatusOr<Mailbox> Mailbox::Parse(std::string_view text) {
  if (text.size() + 2 > limits::kPathOctetsMax) {
    return Refuse(
        "mailbox", text,
        {Cat("path over ", limits::kPathOctetsMax, " octets with its angle brackets"), 0});
  }
  if (!IsValidUtf8(text)) return Refuse("mailbox", text, {"not valid UTF-8", 0});
  std::size_t at = 0;
  if (const auto fault = ScanLocalPart(text, at)) return Refuse("mailbox", text, *fault);
  const std::string_view domain = text.substr(at + 1);
  if (domain.starts_with('[')) {
    if (!IsAddressLiteral(domain)) {
      return Refuse("mailbox", text,
                    {"no address literal, like [192.0.2.1] or [IPv6:2001:db8::1]", at + 1});
    }
  } else {
    std::string normal;
    if (auto fault = Normalize(domain, normal)) {
      fault->at += at + 1;
      return Refuse("mailbox", text, *fault);
    }
    if (at + 1 + normal.size() + 2 > limits::kPathOctetsMax) {
      return Refuse("mailbox", text,
                    {Cat("path over ", limits::kPathOctetsMax,
                         " octets with its angle brackets, once its domain is written in A-labels"),
                     0});
    }
  }
  return Mailbox{std::string(text.substr(0, at)), std::string(domain)};
}

std::string Mailbox::ToString() const {
  return Cat(local_part, "@", domain);
}

std::string Mailbox::Key() const {
  std::string normal;
  if (domain.starts_with('[') || Normalize(domain, normal)) normal = AsciiLower(domain);
  return Cat(LocalPartKey(local_part), "@", normal);
}

StatusOr<std::string> NormalizeDomain(std::string_view domain) {
  if (!IsValidUtf8(domain)) return Refuse("domain", domain, {"not valid UTF-8", 0});
  std::string normal;
  if (const auto fault = Normalize(domain, normal)) return Refuse("domain", domain, *fault);
  return normal;
}

std::string AddressKey(std::string_view text) {
  const StatusOr<Mailbox> mailbox = Mailbox::Parse(text);
  return mailbox.ok() ? mailbox->Key() : AsciiLower(text);
}

}  // namespace penstock::mail
