// SPDX-License-Identifier: Apache-2.0
// The lines of content that streams past in pieces of any size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::mail {

// What octets of a line are, or'ed together.
inline constexpr std::uint8_t kOctetNul = 1;
inline constexpr std::uint8_t kOctetCr = 2;  // one that is not of the line's end
inline constexpr std::uint8_t kOctetEightBit = 4;
inline constexpr std::uint8_t kOctetNotBase64 = 8;  // nor white space (RFC 2045 §6.8)

std::uint8_t OctetsOf(std::string_view text);

struct ContentLine {
  std::string_view start = {};  // the whole line without its end, or as much of it as was kept
  std::uint64_t number = 0;     // from 1
  std::uint64_t offset = 0;     // of its first octet within the content
  std::uint64_t octets = 0;     // without its end
  std::uint8_t end_octets = 0;  // 2: CRLF, 1: LF, 0: the content ends here
  std::uint8_t flags = 0;       // OctetsOf all of it

  [[nodiscard]] bool whole() const { return start.size() == octets; }

  [[nodiscard]] std::uint64_t next_offset() const { return offset + octets + end_octets; }
};

// Cuts content into lines. Memory: what is kept of one line.
class ContentLines {
 public:
  // Calls `on_line(ContentLine)` for each line that ended, in order; `kept_max()` says before each
  // how many of its octets are wanted. However the content is cut into pieces, the lines are equal.
  template <class KeptMax, class OnLine>
  void Feed(std::string_view octets, const KeptMax& kept_max, const OnLine& on_line) {
    while (!octets.empty()) {
      const auto lf = octets.find('\n');
      if (lf == std::string_view::npos) {
        AddPiece(octets, kept_max());
        return;
      }
      if (line_.octets == 0 && !cr_) {
        TakeWhole(octets.substr(0, lf), kept_max());
      } else {
        AddPiece(octets.substr(0, lf), kept_max());
        line_.start = kept_;
        line_.end_octets = cr_ ? 2 : 1;
        cr_ = false;
      }
      octets.remove_prefix(lf + 1);
      on_line(line_);
      Next();
    }
  }

  // The content has ended: a last line without an end is one as well.
  template <class KeptMax, class OnLine>
  void Finish(const KeptMax& kept_max, const OnLine& on_line) {
    if (cr_) AddOctets("\r", kept_max());
    cr_ = false;
    if (line_.octets == 0) return;
    line_.start = kept_;
    on_line(line_);
    Next();
  }

 private:
  void TakeWhole(std::string_view line, std::size_t kept_max);
  void AddPiece(std::string_view octets, std::size_t kept_max);
  void AddOctets(std::string_view octets, std::size_t kept_max);
  void Next();

  ContentLine line_ = {.number = 1};  // the one that is not complete
  std::string kept_;
  bool cr_ = false;  // the piece before ended in CR, which may be of the line's end
};

}  // namespace penstock::mail
