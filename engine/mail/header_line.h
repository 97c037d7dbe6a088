// SPDX-License-Identifier: Apache-2.0
// What one line of a header section is, by the rules of header_section.h; and how a line ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace penstock::mail {

enum class HeaderLineKind : std::uint8_t { kField, kContinuation, kBlank, kOther };

struct HeaderLine {
  HeaderLineKind kind = HeaderLineKind::kOther;
  std::size_t name_octets = 0;  // of a field: its name is the first so many octets
  std::size_t colon = 0;        // of a field: where its colon stands
};

// Tells what a line is. Its own end may be there or not, but for a blank line, which has one.
HeaderLine ReadHeaderLine(std::string_view line);

// The first line of a mailbox in mbox form ("From " or ">From "), which is stepped over.
bool IsMboxLine(std::string_view line);

// Returns where the line that begins at `start` ends, its LF included.
std::size_t LineEnd(std::string_view text, std::size_t start);

// Returns `line` without the CRLF or LF at its end.
std::string_view WithoutLineEnd(std::string_view line);

}  // namespace penstock::mail
