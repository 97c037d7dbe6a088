// SPDX-License-Identifier: Apache-2.0
// What the check of replaced content knows of a message (SPEC M4). Bounded however large or odd the
// message: text is kept of defects alone, and of limits::kDefectsOfAKindMax of a kind.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::mail {

enum class DefectKind : std::uint8_t {
  kLineTooLong,  // over limits::kContentLineOctetsMax with its CRLF
  kNul,
  kBareCr,             // a CR without LF, or an LF without CR: content has CRLF line ends, and what
  kBareLf,             // has others is read as another message by others (SMTP smuggling)
  kHeaderTooLarge,     // over limits::kHeaderSectionOctetsMax, which no message of ours has
  kNoBoundary,         // a multipart
  kNoEnd,              // a multipart without its closing delimiter
  kEncodingForbidden,  // of a multipart or message (RFC 2045 §6.4)
  kNotBase64,          // octets in a base64 part that are neither its alphabet nor white space
  kFieldMissing,       // From, Date
  kFieldRepeated,      // one of those that occur once
};

inline constexpr std::size_t kDefectKinds = 11;

// A defect at the first line where it was seen. One place has at most one of a kind.
struct Defect {
  DefectKind kind{};
  std::string part;          // path (mime_walk.h), "" is the message
  std::string field;         // name as written; "" if it stands in no field
  std::uint64_t line = 0;    // from 1; 0 if there is no line, as of a field that is missing
  std::uint64_t octets = 0;  // of a line that is too long, with CRLF
  // What the section of the part that has the defect looks like, by which it is found again where
  // parts before it came or went. No proof: two sections may share it.
  std::uint64_t likeness = 0;

  bool operator==(const Defect&) const = default;
};

// All fields of one name that must not change, as one value: their bodies in order, whose white
// space and folding do not count (the "relaxed" form of RFC 6376 §3.4.2).
struct ImmutableField {
  std::string name;
  std::uint64_t count = 0;
  std::string digest;  // SHA-256, hex

  bool operator==(const ImmutableField&) const = default;
};

struct ContentFacts {
  std::vector<ImmutableField> immutable_fields;  // one for each name of the rules, in that order
  std::vector<Defect> defects;                   // in the order of the lines
  std::vector<DefectKind> overflowed;  // kinds of which there were more than defects holds
  bool header_eight_bit = false;       // octets over 0x7f in the message's own header section
  bool body_eight_bit = false;         // behind it
  std::uint64_t octets = 0;
  std::uint64_t longest_line_octets = 0;  // with a CRLF, whatever it ends in; 0: there is no line

  bool operator==(const ContentFacts&) const = default;
};

// What an operator may choose.
struct ContentRules {
  std::vector<std::string> immutable_fields{
      "From", "Sender", "Date", "Message-ID", "Return-Path", "Received", "Authentication-Results"};
};

}  // namespace penstock::mail
