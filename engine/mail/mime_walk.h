// SPDX-License-Identifier: Apache-2.0
// A walk over the parts of a message as its lines come, octet by octet: where each part's header
// section and body begin and end (RFC 2045, RFC 2046). Nothing is decoded, repaired or kept.
//
// Odd input is taken as mail readers take it:
//   - Header sections end as in header_section.h, or where a delimiter line stands.
//   - A delimiter line is "--" and the boundary, then "--" for the last, then white space alone.
//   The
//     innermost open multipart of that boundary is meant; parts within it end there.
//   - A multipart without boundary, and what lies deeper than limits::kMimeDepthMax, is one body.
//   - Of a repeated Content-Type or Content-Transfer-Encoding the first counts.
//
// Paths: the parts of a multipart are 1, 2, …; those of its part 2 are 2.1, 2.2, …; the message in
// a message/rfc822 part 2 is 2.1. The message itself is "".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/strings.h"
#include "engine/mail/content_lines.h"
#include "engine/mail/mime_field.h"

namespace penstock::mail {

enum class PartKind : std::uint8_t { kLeaf, kMultipart, kMessage };

struct OpenPart {
  PartKind kind = PartKind::kLeaf;  // known from OnHeaderEnd on, as are the next four
  MimeField type;                   // without a field: as RFC 2046 §5.1.5 and RFC 2045 §5.2 say
  TransferEncoding encoding = TransferEncoding::k7bit;
  bool encoding_forbidden = false;  // the encoding is one that RFC 2045 §6.4 forbids for the type
  std::string boundary;             // of a multipart; empty: it has none
  bool closed = false;              // a multipart's last delimiter was seen
  std::size_t number = 0;           // within what it is in; of the message itself 0
  std::size_t children = 0;         // begun so far
};

// Where a line stands.
enum class LinePlace : std::uint8_t {
  kField,        // begins a field, or goes on with it
  kHeaderEnd,    // the blank line
  kMboxLine,     // before the first field
  kBody,         // of a leaf
  kAroundParts,  // of a multipart, before its first part or behind its last
  kDelimiter,    // of the multipart that is told
};

class MimeVisitor {
 public:
  virtual ~MimeVisitor() = default;

  // A part begins at `line`, which is told next. Its number, and no more, is known.
  virtual void OnPart(const std::vector<OpenPart>& path, std::uint64_t offset) = 0;

  // A line, and whose it is: path[depth]. `field`: of kField the name, as written.
  virtual void OnLine(const std::vector<OpenPart>& path, std::size_t depth, LinePlace place,
                      std::string_view field, const ContentLine& line) = 0;

  // The header section of path.back() has ended; its body begins at `offset`.
  virtual void OnHeaderEnd(const std::vector<OpenPart>& path, std::uint64_t offset) = 0;

  // path.back() ends before `offset`, where a delimiter line or the end of the content is. A line
  // end before a delimiter line belongs to that (RFC 2046 §5.1.1): `before` says how many octets it
  // has.
  virtual void OnPartEnd(const std::vector<OpenPart>& path, std::uint64_t offset,
                         std::uint8_t before) = 0;
};

class MimeWalk {
 public:
  // `visitor` is told of the first part at once, and has to outlive this.
  explicit MimeWalk(MimeVisitor& visitor);
  MimeWalk(const MimeWalk&) = delete;
  MimeWalk& operator=(const MimeWalk&) = delete;

  // Takes the next octets of the content, in pieces of any size.
  void Feed(std::string_view octets);

  // The content has ended; the octets it had.
  std::uint64_t Finish();

 private:
  [[nodiscard]] std::size_t KeptMax() const;
  void Take(const ContentLine& line);
  bool TakeDelimiter(const ContentLine& line);
  // Returns whether the line is done with; otherwise the header section ended before it.
  bool TakeHeaderLine(const ContentLine& line);
  void TakeField(std::string_view text, const ContentLine& line);
  void TakeBodyLine(const ContentLine& line);
  void Begin(std::uint64_t offset);
  void EndHeader(std::uint64_t offset);
  void EndTo(std::size_t depth, std::uint64_t offset, std::uint8_t before);
  void SetKind(OpenPart& part);
  // The innermost multipart of that boundary is no longer looked for.
  void Forget(const std::string& boundary);

  MimeVisitor& visitor_;
  ContentLines lines_;
  std::vector<OpenPart> path_;                      // from the message to the innermost open part
  StringMap<std::vector<std::size_t>> boundaries_;  // of open multiparts: their places in path_
  bool in_header_ = false;
  bool first_line_ = false;  // of this header section
  std::string field_;        // name of the field that a continuation line goes on with, or empty
  std::string* wanted_ = nullptr;  // where that field's body goes: one of the two below, or nowhere
  std::string content_type_;
  std::string transfer_encoding_;
  bool has_type_ = false;
  bool has_encoding_ = false;
  std::uint64_t end_ = 0;        // offset behind the line before
  std::uint8_t end_octets_ = 0;  // of its line end
};

// Returns "2.1", or "" for the message itself, of the part path[depth].
std::string PartPath(const std::vector<OpenPart>& path, std::size_t depth);

}  // namespace penstock::mail
