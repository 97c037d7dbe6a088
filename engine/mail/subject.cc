// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/subject.h"

#include <algorithm>
#include <cstdint>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/base/utf8.h"
#include "engine/mail/gmime_library.h"
#include "engine/mail/header_section.h"

namespace penstock::mail {
namespace {

bool IsContinuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0U) == 0x80;
}

// RFC 2047 §2 token: what a charset's name may be made of.
bool IsToken(std::string_view text) {
  constexpr std::string_view kEspecials = "()<>@,;:\"/[]?.=";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return c > ' ' && c < 0x7f && kEspecials.find(c) == std::string_view::npos;
  });
}

// Whether text in `charset` (with a language behind it, RFC 2231 §5) can be read here.
bool IsKnownCharset(std::string_view charset) {
  charset = charset.substr(0, charset.find('*'));
  if (!IsToken(charset)) return false;
  const std::string name(charset);
  GmimeOptions();  // GMime knows no charset, and leaks, before it is initialized
  iconv_t converter = g_mime_iconv_open("UTF-8", name.c_str());
  if (converter == reinterpret_cast<iconv_t>(-1)) return false;
  g_mime_iconv_close(converter);
  return true;
}

bool IsBase64(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return IsAsciiAlpha(c) || IsAsciiDigit(c) || c == '+' || c == '/' || c == '=';
  });
}

// An encoded word (RFC 2047 §2) as it stands in a text.
struct EncodedWord {
  std::string_view charset;  // with its language
  char encoding = 0;         // in lower case
  std::string_view encoded;
  std::size_t octets = 0;  // of the whole word; 0: there is none

  [[nodiscard]] bool IsBroken() const {
    return (encoding != 'b' && encoding != 'q') || (encoding == 'b' && !IsBase64(encoded)) ||
           !IsKnownCharset(charset);
  }
};

// Reads the encoded word at the front of `text`, which begins with "=?".
EncodedWord ReadEncodedWord(std::string_view text) {
  const auto charset_end = text.find('?', 2);
  if (charset_end == std::string_view::npos || charset_end + 3 > text.size()) return {};
  const std::size_t encoded_start = charset_end + 3;
  if (text[charset_end + 2] != '?') return {};
  const auto encoded_end = text.find("?=", encoded_start);
  if (encoded_end == std::string_view::npos) return {};
  return {text.substr(2, charset_end - 2), AsciiLower(text[charset_end + 1]),
          text.substr(encoded_start, encoded_end - encoded_start), encoded_end + 2};
}

// Writes base64 as Q. GMime 3.2.13 loses what comes after padding in adjacent B words (its issue
// 133) and what missing padding leaves over; its Q is sound.
class Base64ToQ {
 public:
  void Append(std::string_view base64, std::string& q) {
    for (const char c : base64) {
      if (c == '=') {
        Reset();
        continue;
      }
      bits_ = (bits_ << 6U) | Sextet(c);
      bits_count_ += 6;
      if (bits_count_ < 8) continue;
      bits_count_ -= 8;
      constexpr std::string_view kHex = "0123456789ABCDEF";
      const std::uint32_t octet = (bits_ >> bits_count_) & 0xffU;
      q += '=';
      q += kHex[octet >> 4U];
      q += kHex[octet & 15U];
      bits_ &= (1U << bits_count_) - 1;
    }
    // What an octet leaves over without padding is zero. If it is not, the next word goes on with
    // it: some mailers cut base64 anywhere.
    if (bits_ == 0 && bits_count_ != 6) Reset();
  }

  void Reset() { bits_ = bits_count_ = 0; }

 private:
  static std::uint32_t Sextet(char c) {
    if (c >= 'A' && c <= 'Z') return static_cast<std::uint32_t>(c - 'A');
    if (c >= 'a' && c <= 'z') return static_cast<std::uint32_t>(c - 'a' + 26);
    if (IsAsciiDigit(c)) return static_cast<std::uint32_t>(c - '0' + 52);
    return c == '+' ? 62 : 63;
  }

  std::uint32_t bits_ = 0;
  std::uint32_t bits_count_ = 0;  // 0..6 between octets
};

void AppendDecoded(const std::string& text, std::string& out) {
  if (text.empty()) return;
  const GmimeText decoded(g_mime_utils_header_decode_text(GmimeOptions(), text.c_str()));
  out += decoded.get();
}

// Decodes by GMime what stands between the encoded words that are broken: of those it would make
// something else than what is written.
std::string DecodeWords(std::string_view text) {
  std::string out;
  std::string sound;      // to be decoded
  Base64ToQ base64;       // goes on from word to word
  std::string_view last;  // charset of the B word before, if nothing but white space came since
  while (!text.empty()) {
    const auto next = std::min(text.find("=?"), text.size());
    if (!TrimAsciiSpace(text.substr(0, next)).empty()) last = {};
    sound.append(text.substr(0, next));
    text.remove_prefix(next);
    if (text.empty()) break;

    const EncodedWord word = ReadEncodedWord(text);
    if (word.octets > 0 && word.IsBroken()) {
      AppendDecoded(sound, out);
      sound.clear();
      out.append(text.substr(0, word.octets));
    } else if (word.encoding == 'b') {
      if (!EqualsIgnoreAsciiCase(word.charset, last)) base64.Reset();
      Append(sound, "=?", word.charset, "?q?");
      base64.Append(word.encoded, sound);
      sound += "?=";
    } else {
      sound.append(text.substr(0, std::max<std::size_t>(word.octets, 2)));
    }
    last = word.encoding == 'b' ? word.charset : std::string_view();
    text.remove_prefix(std::max<std::size_t>(word.octets, 2));
  }
  AppendDecoded(sound, out);
  return out;
}

// Cuts octets off the end that begin a character without ending it.
void DropCutCharacter(std::string& text) {
  std::size_t end = text.size();
  while (end > 0 && IsContinuation(text[end - 1]))
    --end;
  if (end > 0 && static_cast<unsigned char>(text[end - 1]) >= 0xc0) text.resize(end - 1);
}

}  // namespace

std::string DecodeFieldText(std::string_view raw_body) {
  std::string text = Unfold(raw_body.substr(0, limits::kSubjectOctetsMax));
  if (raw_body.size() > limits::kSubjectOctetsMax) DropCutCharacter(text);
  std::replace(text.begin(), text.end(), '\0', '?');  // GMime's strings end there

  const bool ascii = std::none_of(text.begin(), text.end(),
                                  [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  if (!ascii || text.find("=?") != std::string::npos) text = DecodeWords(text);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n'; }, ' ');
  return ToValidUtf8(text);
}

std::string DecodeSubject(std::string_view raw_body) {
  return std::string(CutCodePoints(DecodeFieldText(raw_body), limits::kSubjectCodePointsMax));
}

}  // namespace penstock::mail
