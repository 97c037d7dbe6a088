// SPDX-License-Identifier: Apache-2.0
#include "hooks/sdk/leaf_text.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "engine/base/limits.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"
#include "engine/mail/base64.h"
#include "engine/mail/charset.h"
#include "engine/mail/header_section.h"
#include "engine/mail/quoted_printable.h"
#include "hooks/sdk/header_edit.h"

namespace penstock::sdk {
namespace {

using mail::TransferEncoding;

std::string Name(const Part& part) {
  return part.path.empty() ? "the message" : Cat("part ", part.path);
}

std::optional<std::string> Decode(std::string_view octets, TransferEncoding encoding) {
  switch (encoding) {
    case TransferEncoding::kBase64:
      return mail::DecodeBase64(octets);
    case TransferEncoding::kQuotedPrintable:
      return mail::DecodeQuotedPrintable(octets);
    case TransferEncoding::kUnknown:
      return std::nullopt;
    default:
      return std::string(octets);
  }
}

bool HasLongLine(std::string_view text) {
  for (const std::string_view line : Split(text, '\n')) {
    if (line.size() > limits::kFieldLineOctetsMax + 1) return true;  // one for CR
  }
  return false;
}

// A value of a parameter, in quotes where it is no token (RFC 2045 §5.1).
std::string Quoted(const std::string& value) {
  constexpr std::string_view kSpecials = "()<>@,;:\\\"/[]?= \t";
  if (!value.empty() && value.find_first_of(kSpecials) == std::string::npos) return value;
  std::string quoted = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

std::string WithCharset(const mail::MimeField& type, std::string_view charset) {
  std::string text = Cat(type.value, "; charset=", charset);
  for (const auto& [name, value] : type.parameters) {
    if (name != "charset" && !name.starts_with("charset*")) {
      Append(text, "; ", name, "=", Quoted(value));
    }
  }
  return text;
}

std::string Encode(const std::string& octets, TransferEncoding encoding) {
  std::string encoded = octets;
  if (encoding == TransferEncoding::kBase64) encoded = mail::EncodeBase64Lines(octets);
  if (encoding == TransferEncoding::kQuotedPrintable) {
    encoded = mail::EncodeQuotedPrintable(octets);
    if (!octets.ends_with('\n') && encoded.ends_with("\r\n")) encoded.resize(encoded.size() - 2);
  }
  return encoded;
}

// Gives a header section a field, or the field another body.
Status Set(std::string& header, std::string_view name, const std::string& text) {
  const StatusOr<Edit> edit = ReplaceField(header, name, text);
  if (!edit.ok()) return FailedPrecondition(Message(edit.status()));
  header = Apply(*edit, header);
  return OkStatus();
}

// Ends a header section with the blank line that it may lack.
void EndHeader(std::string& header) {
  const auto scanned = mail::HeaderSection::Scan(header);
  if (scanned.body_offset() > scanned.length()) return;
  if (!header.empty() && !header.ends_with('\n')) header += "\r\n";
  header += "\r\n";
}

}  // namespace

StatusOr<LeafText> ReadLeafText(std::string_view message, const Part& part) {
  auto octets = Decode(message.substr(part.body, part.end - part.body), part.encoding);
  if (!octets) return FailedPrecondition(Cat(Name(part), ": its transfer encoding cannot be read"));
  LeafText text;
  text.octets = std::move(*octets);
  text.charset = AsciiLower(FindParameter(part.type, "charset").octets);
  if (text.charset.empty()) text.charset = "us-ascii";  // RFC 2045 §5.2
  auto utf8 = mail::ToUtf8(text.octets, text.charset);
  if (!utf8) {
    return FailedPrecondition(
        Cat(Name(part), ": its octets cannot be read as ", Printable(text.charset), " text"));
  }
  text.utf8 = std::move(*utf8);
  text.keeps_charset = mail::FromUtf8(text.utf8, text.charset) == text.octets;
  return text;
}

StatusOr<Splice> WriteLeafText(std::string_view message, const Part& part, const LeafText& before,
                               const std::string& utf8) {
  std::string header(HeaderOf(message, part));
  auto octets = before.keeps_charset ? mail::FromUtf8(utf8, before.charset) : std::nullopt;
  if (!octets) {
    PENSTOCK_RETURN_IF_ERROR(Set(header, "Content-Type", WithCharset(part.type, "utf-8")));
    octets = utf8;
  }
  TransferEncoding encoding = part.encoding;
  const bool wide = encoding == TransferEncoding::k7bit && !IsAscii(*octets);
  if (mail::IsIdentity(encoding) &&
      (wide || (HasLongLine(*octets) && !HasLongLine(before.octets)))) {
    encoding = TransferEncoding::kQuotedPrintable;
    PENSTOCK_RETURN_IF_ERROR(Set(header, "Content-Transfer-Encoding", "quoted-printable"));
  }
  const bool changed = header != HeaderOf(message, part);
  const bool root = part.path.empty();
  if (changed && root && mail::HeaderSection::Scan(header).Find("MIME-Version") == nullptr) {
    PENSTOCK_RETURN_IF_ERROR(Set(header, "MIME-Version", "1.0"));
  }
  EndHeader(header);

  std::string body = Encode(*octets, encoding);
  const std::string_view old = message.substr(part.body, part.end - part.body);
  const bool open = old.empty() ? !root : !old.ends_with('\n');
  if (encoding == TransferEncoding::kBase64 && open && body.ends_with("\r\n")) {
    body.resize(body.size() - 2);
  }
  // An empty part has no line end of its own before the delimiter line.
  if (!root && part.next == part.body) body += "\r\n";
  return Splice{part.offset, part.end - part.offset, header + body};
}

}  // namespace penstock::sdk
