// SPDX-License-Identifier: Apache-2.0
// A decoded subject is one line of UTF-8 within its limit (E4); and text that is written in encoded
// words, cut into them at any octet, is read back as it was.
// Input: how the text is written, then a subject's raw body or that text.
// Covers: engine/mail/subject.cc
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/base/utf8.h"
#include "engine/mail/subject.h"

using penstock::CutCodePoints;
using penstock::limits::kSubjectCodePointsMax;
using penstock::mail::DecodeSubject;

namespace {

// How a text is cut into encoded words (RFC 2047 §2), by the bits of one octet.
struct Form {
  explicit Form(std::uint8_t bits)
      : written((bits & 1U) != 0), base64((bits & 2U) != 0), piece((bits >> 2U) + 1) {}

  bool written;       // else the input is a raw body
  bool base64;        // else Q
  std::size_t piece;  // octets a word
};

void CheckForm(const std::string& subject) {
  PENSTOCK_CHECK(penstock::IsValidUtf8(subject));
  PENSTOCK_CHECK(subject.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  PENSTOCK_CHECK(CutCodePoints(subject, kSubjectCodePointsMax).size() == subject.size());
}

std::string Q(std::string_view octets) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string text;
  for (const char c : octets) {
    const auto octet = static_cast<unsigned char>(c);
    text += '=';
    text += kHex[octet >> 4U];
    text += kHex[octet & 15U];
  }
  return text;
}

std::string Base64(std::string_view octets) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < octets.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k)
      bits = bits << 8U | (i + k < octets.size() ? static_cast<unsigned char>(octets[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k)
      text += k <= octets.size() - i ? kDigits[bits >> (18 - 6 * k) & 63U] : '=';
  }
  return text;
}

std::string Write(std::string_view text, Form form) {
  std::string body;
  for (; !text.empty(); text.remove_prefix(std::min(form.piece, text.size()))) {
    const std::string_view octets = text.substr(0, form.piece);
    penstock::Append(body, body.empty() ? "" : "\r\n ", form.base64 ? "=?UTF-8?b?" : "=?utf-8?Q?",
                     form.base64 ? Base64(octets) : Q(octets), "?=");
  }
  return body;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Form form(data[0]);
  std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (!form.written) {
    CheckForm(DecodeSubject(text));
    return 0;
  }
  if (!penstock::IsValidUtf8(text)) return 0;
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
  const std::string body = Write(text, form);
  const std::string subject = DecodeSubject(body);
  CheckForm(subject);
  if (body.size() > penstock::limits::kSubjectOctetsMax) return 0;
  PENSTOCK_CHECK(subject == CutCodePoints(text, kSubjectCodePointsMax));
  return 0;
}
