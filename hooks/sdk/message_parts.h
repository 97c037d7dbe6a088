// SPDX-License-Identifier: Apache-2.0
// The parts of a message that is in memory, and where their octets are (mime_walk.h says how odd
// messages are taken).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/mail/mime_walk.h"

namespace penstock::sdk {

struct Part {
  std::string path;  // "2.1"; "" is the message
  mail::PartKind kind = mail::PartKind::kLeaf;
  mail::MimeField type;
  mail::TransferEncoding encoding = mail::TransferEncoding::k7bit;
  std::size_t parent = 0;             // index; of the message its own
  std::vector<std::size_t> children;  // indexes
  std::size_t delimiter = 0;          // offset of the delimiter line before it
  std::size_t offset = 0;             // of its header section
  std::size_t body = 0;               // offset of its body
  std::size_t end = 0;                // of the body, without the line end before a delimiter
  std::size_t next = 0;               // offset of that delimiter line, or of the content's end
};

// Returns all parts, each before those within it; the first is the message.
//   FAILED_PRECONDITION: there are more than limits::kEditedPartsMax.
StatusOr<std::vector<Part>> FindParts(std::string_view message);

// The octets of a part's header section, with the blank line.
std::string_view HeaderOf(std::string_view message, const Part& part);

// What a part says of itself as a file.
struct FileInfo {
  bool attachment = false;  // Content-Disposition says so
  // UTF-8, decoded: what filename and name say in each form (RFC 2231), some of it twice; the first
  // is the one to show. Which of several a mail reader goes by, nobody knows.
  std::vector<std::string> names;
};

FileInfo FileInfoOf(std::string_view message, const Part& part);

// Returns the refusal to edit within `part` because something around it is signed or encrypted, or
// "" if nothing is.
std::string WhyNotWithin(const std::vector<Part>& parts, std::size_t part);

// Warnings of an edit that changes the body: signatures of the whole of it.
std::vector<std::string> WarningsOfBodyEdit(std::string_view message);

}  // namespace penstock::sdk
