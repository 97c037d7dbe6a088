// SPDX-License-Identifier: Apache-2.0
// The header section of a message, octet by octet (RFC 5322 §2.2): where each field begins, how it
// is spelled, where the body begins. Nothing is decoded, repaired or copied; address_list.h,
// subject.h and summary.h read meaning out of it.
//
// What counts as the header section is what mail servers make of odd input:
//   - A line ends in CRLF or in LF alone. A CR alone is an octet like any other.
//   - A field is a name of printable ASCII without ":", white space that old mailers put behind it
//     (RFC 5322 §4.5), and ":". Lines that begin with a space or a tab belong to the field before
//     them, also when they hold nothing else.
//   - The section ends before the first line that is neither; where that line is blank, it is the
//     separator and belongs to neither header section nor body. Any other such line is the first
//     of the body, as it is for Postfix, Exim and Sendmail: a field behind it is none.
//   - One mbox line at the very top ("From " or ">From ") is stepped over: mail readers do, and the
//     fields after it count.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::mail {

struct HeaderField {
  std::string_view name;   // as written: "Subject", "SUBJECT"
  std::string_view body;   // raw: all after the colon, with folding, without the last line end
  std::size_t offset = 0;  // of the name's first octet within the message
  std::size_t length = 0;  // octets, the last line end included
};

class HeaderSection {
 public:
  HeaderSection() = default;

  // Scans the first octets of a message: as many as there are, or as many as were read.
  //   Lifetime: the result is views into `message`.   Cost: one pass, whatever the input.
  static HeaderSection Scan(std::string_view message);

  [[nodiscard]] const std::vector<HeaderField>& fields() const { return fields_; }

  // Octets of the fields (and of an mbox line), without the blank line after them.
  [[nodiscard]] std::size_t length() const { return octets_.size(); }

  // Where the body begins: behind the blank line, or equal to length() if there is none.
  [[nodiscard]] std::size_t body_offset() const { return body_offset_; }

  // False if the octets ended first: the message has no body, or more of it has to be read.
  [[nodiscard]] bool ended() const { return ended_; }

  // The octets of length(), for those that take them apart or write them elsewhere.
  [[nodiscard]] std::string_view octets() const { return octets_; }

  // Returns all fields of that name (ASCII case-insensitive), in order.
  [[nodiscard]] std::vector<const HeaderField*> FindAll(std::string_view name) const;

  // Returns the first field of that name, or null.
  [[nodiscard]] const HeaderField* Find(std::string_view name) const;

 private:
  std::vector<HeaderField> fields_;
  std::string_view octets_;
  std::size_t body_offset_ = 0;
  bool ended_ = false;
};

// Returns a field's raw body on one line: line ends of folding removed, the white space after them
// kept (RFC 5322 §2.2.3), white space at both ends removed.
std::string Unfold(std::string_view raw_body);

// Keeps the header section of a message that streams past, so that it need not be read again.
//   Feed it the content in order, in pieces of any size; what comes after the header section costs
//   nothing. It never holds more than limits::kHeaderSectionOctetsMax.
class HeaderCollector {
 public:
  void Feed(std::string_view octets);

  // The header section has ended: octets() will not change any more.
  [[nodiscard]] bool ended() const { return ended_; }

  // The header section is larger than the limit; octets() holds its beginning.
  [[nodiscard]] bool over_limit() const { return over_limit_; }

  // What to give to HeaderSection::Scan. Until ended() it may stop within a line.
  [[nodiscard]] const std::string& octets() const { return octets_; }

 private:
  void EndLine();

  std::string octets_;
  std::size_t line_start_ = 0;  // of the line that is not complete yet
  bool after_field_ = false;    // a continuation line may follow
  bool ended_ = false;
  bool over_limit_ = false;
};

}  // namespace penstock::mail
