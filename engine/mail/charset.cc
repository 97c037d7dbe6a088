// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/charset.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/mail/gmime_library.h"

namespace penstock::mail {
namespace {

class Converter {
 public:
  Converter(const char* to, const char* from) {
    GmimeOptions();  // GMime knows no charset before it is initialized
    converter_ = g_mime_iconv_open(to, from);
  }

  ~Converter() {
    if (open()) g_mime_iconv_close(converter_);
  }

  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;

  std::optional<std::string> Convert(std::string_view text) {
    if (!open()) return std::nullopt;
    std::string out;
    std::string from(text);
    char* input = from.data();
    std::size_t left = from.size();
    // Once more without input: what ends a shift sequence.
    for (bool end = false;;) {
      char buffer[4096];
      char* output = buffer;
      std::size_t room = sizeof buffer;
      const std::size_t done =
          iconv(converter_, end ? nullptr : &input, end ? nullptr : &left, &output, &room);
      const bool full = done == static_cast<std::size_t>(-1) && errno == E2BIG;
      out.append(buffer, sizeof buffer - room);
      if (full) continue;
      if (done == static_cast<std::size_t>(-1)) return std::nullopt;
      if (end) return out;
      end = true;
    }
  }

 private:
  [[nodiscard]] bool open() const { return converter_ != reinterpret_cast<iconv_t>(-1); }

  iconv_t converter_;
};

bool IsName(std::string_view charset) {
  return !charset.empty() && charset.size() <= limits::kCharsetNameOctetsMax &&
         std::all_of(charset.begin(), charset.end(), [](char c) {
           return IsAsciiAlpha(c) || IsAsciiDigit(c) || c == '-' || c == '_' || c == '.' ||
                  c == ':';
         });
}

}  // namespace

std::optional<std::string> ToUtf8(std::string_view octets, std::string_view charset) {
  std::string name = AsciiLower(charset);
  if (name == "us-ascii" || name == "ascii" || name == "utf-8" || name == "utf8") {
    const bool sound = name.starts_with("utf") ? IsValidUtf8(octets) : IsAscii(octets);
    return sound ? std::optional<std::string>(octets) : std::nullopt;
  }
  if (name == "utf-16") {
    const bool little = octets.starts_with("\xff\xfe");
    if (little || octets.starts_with("\xfe\xff")) octets.remove_prefix(2);
    name = little ? "utf-16le" : "utf-16be";
  }
  return IsName(name) ? Converter("UTF-8", name.c_str()).Convert(octets) : std::nullopt;
}

std::optional<std::string> FromUtf8(std::string_view text, std::string_view charset) {
  const std::string name = AsciiLower(charset);
  if (name == "utf-8" || name == "utf8") return std::string(text);
  if (name == "us-ascii" || name == "ascii") {
    return IsAscii(text) ? std::optional<std::string>(text) : std::nullopt;
  }
  if (name == "utf-16" || !IsName(name)) return std::nullopt;
  return Converter(name.c_str(), "UTF-8").Convert(text);
}

}  // namespace penstock::mail
