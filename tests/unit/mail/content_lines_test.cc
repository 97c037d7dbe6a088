// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/content_lines.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "engine/base/strings.h"

using namespace penstock;        // NOLINT(google-build-using-namespace)
using namespace penstock::mail;  // NOLINT(google-build-using-namespace)

namespace {

std::vector<std::string> Lines(std::string_view content, std::size_t piece, std::size_t kept) {
  std::vector<std::string> shown;
  const auto on_line = [&](const ContentLine& line) {
    shown.push_back(Cat(line.number, " at ", line.offset, ": ", line.start, " of ", line.octets,
                        " + ", static_cast<int>(line.end_octets), " flags ",
                        static_cast<int>(line.flags)));
  };
  ContentLines lines;
  for (; !content.empty(); content.remove_prefix(std::min(piece, content.size())))
    lines.Feed(
        content.substr(0, piece), [&] { return kept; }, on_line);
  lines.Finish([&] { return kept; }, on_line);
  return shown;
}

}  // namespace

TEST_CASE("ContentLines: line ends, and what stands in a line", "[mail][content_lines]") {
  CHECK(Lines("ab\r\n\r\nc\n\xff", 100, 100) ==
        std::vector<std::string>{"1 at 0: ab of 2 + 2 flags 0", "2 at 4:  of 0 + 2 flags 0",
                                 "3 at 6: c of 1 + 1 flags 0", "4 at 8: \xff of 1 + 0 flags 12"});
  CHECK(Lines("", 100, 100).empty());
}

TEST_CASE("ContentLines: a CR is of the line's end only before LF", "[mail][content_lines]") {
  for (const std::size_t piece : {1U, 2U, 3U, 100U}) {
    CHECK(Lines("a\r\r\nb\rc\r\n\r", piece, 100) ==
          std::vector<std::string>{"1 at 0: a\r of 2 + 2 flags 2", "2 at 4: b\rc of 3 + 2 flags 2",
                                   "3 at 9: \r of 1 + 0 flags 2"});
  }
}

TEST_CASE("ContentLines: no more is kept than is wanted", "[mail][content_lines]") {
  for (const std::size_t piece : {1U, 2U, 5U, 100U}) {
    CHECK(Lines("abcdef\r\nx!\r\n", piece, 3) ==
          std::vector<std::string>{"1 at 0: abc of 6 + 2 flags 0", "2 at 8: x! of 2 + 2 flags 8"});
  }
}
