// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/json_text.h"

#include <cstdint>
#include <cstring>

#include "engine/base/utf8.h"

namespace penstock::flow {
namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101U;
constexpr std::uint64_t kHighs = 0x80U * kOnes;

// Whether one of the eight octets of `word` is `"`, `\`, a control character, or not ASCII.
bool NeedsCare(std::uint64_t word) {
  const std::uint64_t quote = word ^ (kOnes * '"');
  const std::uint64_t backslash = word ^ (kOnes * '\\');
  const std::uint64_t found = word | (word - kOnes * 0x20) | (quote - kOnes) | (backslash - kOnes);
  // A borrow starts only at an octet that is found itself: it cannot make a clean word look
  // unclean.
  return (found & kHighs) != 0;
}

std::uint64_t Load(const char* octets) {
  std::uint64_t word = 0;
  std::memcpy(&word, octets, sizeof word);
  return word;
}

// Whether `text` stands in JSON as it is.
bool IsPlain(std::string_view text) {
  const char* at = text.data();
  std::size_t left = text.size();
  if (left < sizeof(std::uint64_t)) {
    std::uint64_t word = kOnes * 'a';
    std::memcpy(&word, at, left);
    return left == 0 || !NeedsCare(word);
  }
  for (; left >= sizeof(std::uint64_t); left -= sizeof(std::uint64_t)) {
    if (NeedsCare(Load(at))) return false;
    at += sizeof(std::uint64_t);
  }
  // The last eight octets once more, some of them for the second time.
  return left == 0 || !NeedsCare(Load(at + left - sizeof(std::uint64_t)));
}

// Returns the letter of a two-octet escape for `c`, or 0.
constexpr char ShortEscape(char c) {
  switch (c) {
    case '"':
    case '\\':
      return c;
    case '\b':
      return 'b';
    case '\f':
      return 'f';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    default:
      return 0;
  }
}

bool IsControl(char c) {
  return static_cast<unsigned char>(c) < 0x20;
}

char* WriteEscape(char* out, char c) {
  constexpr char kHex[] = "0123456789abcdef";
  *out++ = '\\';
  if (const char letter = ShortEscape(c); letter != 0) {
    *out++ = letter;
    return out;
  }
  const auto byte = static_cast<unsigned char>(c);
  for (const char digit : {'u', '0', '0', kHex[byte >> 4U], kHex[byte & 15U]})
    *out++ = digit;
  return out;
}

}  // namespace

std::size_t JsonStringOctets(std::string_view text) {
  if (IsPlain(text)) return text.size() + 2;
  std::size_t octets = 2;
  while (!text.empty()) {
    const Utf8Piece piece = FirstUtf8Piece(text);
    if (!piece.valid) {
      octets += kReplacementCharacter.size();
    } else if (ShortEscape(text.front()) != 0) {
      octets += 2;
    } else {
      octets += IsControl(text.front()) ? 6 : piece.octets;
    }
    text.remove_prefix(piece.octets);
  }
  return octets;
}

char* WriteJsonString(char* out, std::string_view text) {
  const auto put = [&out](std::string_view piece) {
    if (piece.empty()) return;
    std::memcpy(out, piece.data(), piece.size());
    out += piece.size();
  };
  *out++ = '"';
  if (IsPlain(text)) {
    put(text);
    text = {};
  }
  while (!text.empty()) {
    const Utf8Piece piece = FirstUtf8Piece(text);
    if (!piece.valid) {
      put(kReplacementCharacter);
    } else if (ShortEscape(text.front()) != 0 || IsControl(text.front())) {
      out = WriteEscape(out, text.front());
    } else {
      put(text.substr(0, piece.octets));
    }
    text.remove_prefix(piece.octets);
  }
  *out++ = '"';
  return out;
}

void AppendJsonString(std::string& out, std::string_view text) {
  const std::size_t start = out.size();
  out.resize(start + JsonStringOctets(text));
  WriteJsonString(out.data() + start, text);
}

}  // namespace penstock::flow
