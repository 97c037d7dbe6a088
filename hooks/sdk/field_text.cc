// SPDX-License-Identifier: Apache-2.0
#include "hooks/sdk/field_text.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/mail/base64.h"

namespace penstock::sdk {
namespace {

constexpr std::size_t kWordLineOctets = 76;   // RFC 2047 §2: a line with an encoded word
constexpr std::size_t kWordFrameOctets = 12;  // =?utf-8?B??=

// Fields whose bodies have a grammar, in which an encoded word has few places (RFC 2047 §5).
bool HasGrammar(std::string_view name) {
  constexpr std::array<std::string_view, 20> kNames{"from",
                                                    "sender",
                                                    "reply-to",
                                                    "to",
                                                    "cc",
                                                    "bcc",
                                                    "date",
                                                    "message-id",
                                                    "in-reply-to",
                                                    "references",
                                                    "received",
                                                    "return-path",
                                                    "mime-version",
                                                    "content-type",
                                                    "content-transfer-encoding",
                                                    "content-disposition",
                                                    "content-id",
                                                    "dkim-signature",
                                                    "authentication-results",
                                                    "auto-submitted"};
  const std::string lower = AsciiLower(name);
  return lower.starts_with("resent-") || lower.starts_with("list-") || lower.starts_with("arc-") ||
         std::find(kNames.begin(), kNames.end(), lower) != kNames.end();
}

// How much of `text`, which begins with a character, fits into `octets_max`: whole characters.
std::size_t CharactersWithin(std::string_view text, std::size_t octets_max) {
  if (text.size() <= octets_max) return text.size();
  std::size_t end = octets_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80)
    --end;
  return end;
}

std::string Encoded(std::string_view name, std::string_view text) {
  const std::size_t used = name.size() + 2 + kWordFrameOctets;
  std::size_t room = used < kWordLineOctets ? (kWordLineOctets - used) / 4 * 3 : 0;
  std::string body = " ";
  while (!text.empty()) {
    const std::size_t taken = CharactersWithin(text, std::min(room, kEncodedWordOctets));
    if (taken > 0) body += EncodedWord(text.substr(0, taken));
    text.remove_prefix(taken);
    if (!text.empty()) body = (body == " " ? "" : body) + "\r\n ";
    room = kEncodedWordOctets;
  }
  return body;
}

StatusOr<std::string> Folded(std::string_view name, std::string_view text) {
  std::string body;
  std::size_t line = name.size() + 1;
  text = TrimAsciiSpace(text);
  bool first = true;
  while (!text.empty() || first) {
    // White space and the word behind it.
    const auto word = std::min(text.find_first_not_of(" \t"), text.size());
    const auto end = std::min(text.find_first_of(" \t", word), text.size());
    const std::string_view piece = text.substr(0, end);
    const std::size_t octets = piece.size() + (first ? 1 : 0);
    if (!first && line + octets > limits::kFieldLineOctetsWanted) {
      body += "\r\n";
      line = 0;
    }
    if (first) body += ' ';
    body += piece;
    line += octets;
    if (line > limits::kFieldLineOctetsMax) {
      return InvalidArgument(Cat("header ", name, ": a word of ", piece.size(),
                                 " octets fits into no line; put spaces into it"));
    }
    text.remove_prefix(end);
    first = false;
  }
  return body;
}

}  // namespace

StatusOr<std::string> EncodeFieldBody(std::string_view name, std::string_view text) {
  const auto control = [](char c) {
    return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == 0x7f;
  };
  if (std::any_of(text.begin(), text.end(), control)) {
    return InvalidArgument(Cat("header ", name,
                               ": control characters, such as a line end, cannot be "
                               "written there; take them out"));
  }
  if (IsAscii(text)) return Folded(name, text);
  if (!IsValidUtf8(text)) return InvalidArgument(Cat("header ", name, ": the text is no UTF-8"));
  if (HasGrammar(name)) {
    return InvalidArgument(Cat("header ", name,
                               ": only ASCII can be written there; encode names by "
                               "RFC 2047, domains by IDNA"));
  }
  return Encoded(name, TrimAsciiSpace(text));
}

std::string EncodedWord(std::string_view text) {
  return Cat("=?utf-8?B?", mail::EncodeBase64(text), "?=");
}

}  // namespace penstock::sdk
