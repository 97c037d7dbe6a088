// SPDX-License-Identifier: Apache-2.0
#include "hooks/sdk/html_place.h"

#include <algorithm>
#include <cstdint>

#include "engine/base/strings.h"
#include "engine/base/utf8.h"

namespace penstock::sdk {
namespace {

// Returns `html` in lower case, with spaces where comments are: offsets stay.
std::string Tags(std::string_view html) {
  std::string tags = AsciiLower(html);
  for (auto at = tags.find("<!--"); at != std::string::npos; at = tags.find("<!--", at)) {
    const auto end = tags.find("-->", at + 4);
    const std::size_t after = end == std::string::npos ? tags.size() : end + 3;
    std::fill(tags.begin() + static_cast<std::ptrdiff_t>(at),
              tags.begin() + static_cast<std::ptrdiff_t>(after), ' ');
  }
  return tags;
}

// Returns where the tag that begins with `start` ("<body") ends, or npos.
std::size_t BehindTag(const std::string& tags, std::string_view start) {
  for (auto at = tags.find(start); at != std::string::npos; at = tags.find(start, at + 1)) {
    std::size_t i = at + start.size();
    if (i >= tags.size() || std::string_view(" \t\r\n/>").find(tags[i]) == std::string_view::npos) {
      continue;  // <bodyguard>
    }
    char quote = 0;
    for (; i < tags.size(); ++i) {
      const char c = tags[i];
      if (quote == 0 && c == '>') return i + 1;
      if (quote == 0 && (c == '"' || c == '\'')) {
        quote = c;
      } else if (c == quote) {
        quote = 0;
      }
    }
    return std::string::npos;
  }
  return std::string::npos;
}

}  // namespace

std::size_t PlaceAtTop(std::string_view html) {
  const std::string tags = Tags(html);
  for (const std::string_view start : {"<body", "</head", "<html"}) {
    const std::size_t place = BehindTag(tags, start);
    if (place != std::string::npos) return place;
  }
  return 0;
}

std::size_t PlaceAtBottom(std::string_view html) {
  const std::string tags = Tags(html);
  for (const std::string_view end : {"</body", "</html"}) {
    const auto place = tags.rfind(end);
    if (place != std::string::npos) return place;
  }
  return html.size();
}

std::string HtmlOf(std::string_view text) {
  std::string html = "<p>";
  for (const char c : text) {
    if (c == '&') {
      html += "&amp;";
    } else if (c == '<') {
      html += "&lt;";
    } else if (c == '>') {
      html += "&gt;";
    } else if (c == '\n') {
      html += "<br>\n";
    } else {
      html += c;
    }
  }
  return html + "</p>";
}

std::string InAscii(std::string_view html) {
  std::string ascii;
  while (!html.empty()) {
    const std::size_t octets = FirstUtf8Piece(html).octets;
    auto code_point = static_cast<std::uint32_t>(static_cast<unsigned char>(html.front()));
    if (octets == 1) {
      ascii += html.front();
    } else {
      code_point &= 0xffU >> (octets + 1);
      for (std::size_t i = 1; i < octets; ++i)
        code_point = (code_point << 6U) | (static_cast<unsigned char>(html[i]) & 0x3fU);
      Append(ascii, "&#", code_point, ";");
    }
    html.remove_prefix(octets);
  }
  return ascii;
}

}  // namespace penstock::sdk
