// SPDX-License-Identifier: Apache-2.0
// Text of bytes: joining, ASCII case, trimming, splitting, numbers; and the only door between
// std::string_view and absl::string_view. Nothing here looks at a locale.
#pragma once

#include <charconv>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "absl/strings/string_view.h"

namespace penstock {

inline absl::string_view ToAbsl(std::string_view text) {
  return {text.data(), text.size()};
}

inline std::string_view FromAbsl(absl::string_view text) {
  return {text.data(), text.size()};
}

namespace strings_internal {

// One argument of Cat: a string, or an integer written in decimal.
class Piece {
 public:
  Piece(std::string_view text) : text_(text) {}  // NOLINT(google-explicit-constructor)

  Piece(const std::string& text) : text_(text) {}  // NOLINT(google-explicit-constructor)

  Piece(const char* text) : text_(text) {}  // NOLINT(google-explicit-constructor)

  template <class Int, class = std::enable_if_t<std::is_integral_v<Int>>>
  Piece(Int number) {  // NOLINT(google-explicit-constructor)
    static_assert(!std::is_same_v<Int, bool> && !std::is_same_v<Int, char>, "say what it means");
    const auto end = std::to_chars(digits_, digits_ + sizeof digits_, number).ptr;
    text_ = {digits_, static_cast<std::size_t>(end - digits_)};
  }

  Piece(const Piece&) = delete;
  Piece& operator=(const Piece&) = delete;

  [[nodiscard]] std::string_view text() const { return text_; }

 private:
  char digits_[24] = {};
  std::string_view text_;
};

void AppendPieces(std::string& out, std::initializer_list<std::string_view> pieces);

}  // namespace strings_internal

// Joins its arguments: strings as they are, integers in decimal.
template <class... Args>
std::string Cat(const Args&... args) {
  std::string out;
  strings_internal::AppendPieces(out, {strings_internal::Piece(args).text()...});
  return out;
}

// Appends its arguments to `out`, as Cat does.
template <class... Args>
void Append(std::string& out, const Args&... args) {
  strings_internal::AppendPieces(out, {strings_internal::Piece(args).text()...});
}

constexpr char AsciiLower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr bool IsAsciiDigit(char c) {
  return c >= '0' && c <= '9';
}

constexpr bool IsAsciiAlpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Returns `text` with A-Z made a-z; every other byte stays.
std::string AsciiLower(std::string_view text);

bool EqualsIgnoreAsciiCase(std::string_view a, std::string_view b);
bool StartsWithIgnoreAsciiCase(std::string_view text, std::string_view prefix);

// Removes spaces, tabs, CR and LF from both ends.
std::string_view TrimAsciiSpace(std::string_view text);

// Splits at every `separator`; empty pieces stay, so the result has one piece at least.
std::vector<std::string_view> Split(std::string_view text, char separator);

std::string Join(const std::vector<std::string>& pieces, std::string_view separator);

// Reads a whole decimal number; nothing but digits (and '-' where the type is signed) is accepted.
template <class Int>
std::optional<Int> ParseInt(std::string_view text) {
  Int value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

// Returns `text` fit for an error or a log line: valid UTF-8 with control bytes as \xNN, what is
// ill-formed as "?", cut between characters at about `octets_max`.
std::string Printable(std::string_view text, std::size_t octets_max = 120);

// Whether no octet is over 0x7f.
bool IsAscii(std::string_view text);

bool IsValidUtf8(std::string_view text);

// A hash map from strings that is searched by std::string_view without making a string.
struct StringHash {
  using is_transparent = void;

  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};

template <class Value>
using StringMap = std::unordered_map<std::string, Value, StringHash, std::equal_to<>>;

}  // namespace penstock
