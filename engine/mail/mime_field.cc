// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/mime_field.h"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "engine/base/limits.h"
#include "engine/base/strings.h"

namespace penstock::mail {
namespace {

bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// RFC 2045 §5.1 token; octets over 0x7f, which mailers send, are let in.
bool IsTokenOctet(char c) {
  constexpr std::string_view kSpecials = "()<>@,;:\\\"/[]?=";
  return static_cast<unsigned char>(c) > ' ' && c != 0x7f &&
         kSpecials.find(c) == std::string_view::npos;
}

// Takes a field's body apart from the front.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  [[nodiscard]] bool done() const { return at_ >= text_.size(); }

  // White space and comments, which nest.
  void SkipSpace() {
    std::size_t depth = 0;
    for (; !done(); ++at_) {
      const char c = text_[at_];
      if (c == '(') {
        ++depth;
      } else if (depth > 0 && c == ')') {
        --depth;
      } else if (depth > 0 && c == '\\') {
        ++at_;
      } else if (depth == 0 && !IsSpace(c)) {
        return;
      }
    }
  }

  bool Take(char c) {
    SkipSpace();
    if (done() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  std::string_view Token() {
    SkipSpace();
    const std::size_t start = std::min(at_, text_.size());
    while (!done() && IsTokenOctet(text_[at_]))
      ++at_;
    return text_.substr(start, std::min(at_, text_.size()) - start);
  }

  // A quoted string without its quotes, or what stands up to ";" or white space: boundaries with
  // "/" or "=" that somebody forgot to quote are common.
  std::string Value() {
    std::string value;
    if (!Take('"')) {
      const std::size_t start = std::min(at_, text_.size());
      while (!done() && text_[at_] != ';' && !IsSpace(text_[at_]) && text_[at_] != '(')
        ++at_;
      return std::string(text_.substr(start, std::min(at_, text_.size()) - start));
    }
    for (; !done() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\r' || text_[at_] == '\n') continue;  // folding
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      value += text_[at_];
    }
    ++at_;
    return value;
  }

  // Goes behind the next ";" that stands outside quotes.
  void SkipToNext() {
    for (SkipSpace(); !done(); SkipSpace()) {
      if (text_[at_] == '"') {
        Value();
      } else if (text_[at_++] == ';') {
        return;
      }
    }
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

std::optional<unsigned> HexDigit(char c) {
  const char lower = AsciiLower(c);
  if (IsAsciiDigit(c)) return static_cast<unsigned>(c - '0');
  if (lower >= 'a' && lower <= 'f') return static_cast<unsigned>(lower - 'a' + 10);
  return std::nullopt;
}

std::string DecodePercent(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto high = text[i] == '%' && i + 2 < text.size() ? HexDigit(text[i + 1]) : std::nullopt;
    const auto low = high ? HexDigit(text[i + 2]) : std::nullopt;
    if (!low) {
      out += text[i];
      continue;
    }
    out += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  return out;
}

// Takes charset'language' off the front of an extended value (RFC 2231 §4).
std::string TakeCharset(std::string_view& value) {
  const auto first = value.find('\'');
  const auto second = first == std::string_view::npos ? first : value.find('\'', first + 1);
  if (second == std::string_view::npos) return "";
  std::string charset = AsciiLower(value.substr(0, first));
  value.remove_prefix(second + 1);
  return charset;
}

}  // namespace

const std::string* MimeField::Find(std::string_view name) const {
  const auto found = std::find_if(parameters.begin(), parameters.end(),
                                  [&](const auto& one) { return one.first == name; });
  return found == parameters.end() ? nullptr : &found->second;
}

bool MimeField::IsType(std::string_view type) const {
  return value.size() > type.size() && value.starts_with(type) && value[type.size()] == '/';
}

MimeField ReadMimeField(std::string_view raw_body) {
  MimeField field;
  Reader reader(raw_body.substr(0, limits::kMimeFieldOctetsMax));
  field.value = AsciiLower(reader.Token());
  if (reader.Take('/')) Append(field.value, "/", AsciiLower(reader.Token()));
  reader.SkipToNext();
  while (!reader.done() && field.parameters.size() < limits::kMimeParametersMax) {
    std::string name = AsciiLower(reader.Token());
    if (!name.empty() && reader.Take('=')) {
      reader.SkipSpace();
      field.parameters.emplace_back(std::move(name), reader.Value());
    }
    reader.SkipToNext();
  }
  return field;
}

MimeParameter FindParameter(const MimeField& field, std::string_view name) {
  MimeParameter found;
  // In pieces: name*0, name*1*, … where those with a star at the end are extended.
  bool any = false;
  for (std::size_t number = 0;; ++number) {
    const std::string piece = Cat(name, "*", number);
    if (const std::string* extended = field.Find(piece + "*")) {
      std::string_view value = *extended;
      if (number == 0) found.charset = TakeCharset(value);
      found.octets += DecodePercent(value);
    } else if (const std::string* plain = field.Find(piece)) {
      found.octets += *plain;
    } else {
      break;
    }
    any = true;
  }
  if (any) return found;
  if (const std::string* extended = field.Find(Cat(name, "*"))) {
    std::string_view value = *extended;
    found.charset = TakeCharset(value);
    found.octets = DecodePercent(value);
  } else if (const std::string* plain = field.Find(name)) {
    found.octets = *plain;
  }
  return found;
}

TransferEncoding ReadTransferEncoding(std::string_view raw_body) {
  Reader reader(raw_body.substr(0, limits::kMimeFieldOctetsMax));
  const std::string name = AsciiLower(reader.Token());
  if (name.empty() || name == "7bit") return TransferEncoding::k7bit;
  if (name == "8bit") return TransferEncoding::k8bit;
  if (name == "binary") return TransferEncoding::kBinary;
  if (name == "quoted-printable") return TransferEncoding::kQuotedPrintable;
  if (name == "base64") return TransferEncoding::kBase64;
  return TransferEncoding::kUnknown;
}

bool IsIdentity(TransferEncoding encoding) {
  return encoding == TransferEncoding::k7bit || encoding == TransferEncoding::k8bit ||
         encoding == TransferEncoding::kBinary;
}

}  // namespace penstock::mail
