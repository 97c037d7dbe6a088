// SPDX-License-Identifier: Apache-2.0
// What leaves the house of a message: the content with our fields on top of it and without the
// marking fields that it brought along (A1). Every other octet is as it was (M7). Memory stays flat
// (M6): only the header section is held.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "engine/base/status.h"
#include "engine/flow/message_state.h"
#include "engine/ports/store.h"

namespace penstock::delivery {

// A header field that tells the mailbox store or the spam filter what was decided.
struct FieldMarking {
  std::string name;  // "X-Spam-Flag" (mail::IsFieldName); empty: no field tells it
  std::string body;  // "YES"
  // "Junk": by SMTP and LMTP recipients carry it behind a "+" (RFC 5233); empty: none.
  std::string subaddress{};
};

// The same for every next hop: whatever way a message goes, nobody but us marks it.
struct MarkingFields {
  FieldMarking junk;               // MOVE_TO_JUNK
  FieldMarking bypass_spam_check;  // BYPASS_SPAM_CHECK
};

class OutgoingContent {
 public:
  // Reads the header section of `content`. `fields_on_top` are whole fields, each with its CRLF.
  //   Errors: those of ContentReader::Read; kInvalidArgument for a header section over
  //   limits::kHeaderSectionOctetsMax.   Blocks for as long as the page cache takes.
  static StatusOr<OutgoingContent> Open(std::string fields_on_top, flow::Marking marking,
                                        const MarkingFields& marking_fields,
                                        std::shared_ptr<const ports::ContentReader> content);

  // Reads the next octets; returns how many, 0 at the end. Errors: those of ContentReader::Read.
  StatusOr<std::size_t> Read(std::span<char> buffer);

  // Starts over, for the next copy.
  void Rewind() { position_ = 0; }

  // Whether DATA cannot carry it as it is: it holds CR or LF alone, or a line over
  // limits::kTextLineOctetsMax. Reads it all, and starts over. Errors: those of
  // ContentReader::Read.   Blocks for as long as the page cache takes.
  StatusOr<bool> NeedsBinary();

  // All of it, for SIZE= (RFC 1870).
  [[nodiscard]] std::uint64_t octets() const;

  // The header section has octets outside of ASCII: it needs SMTPUTF8 if it came with it
  // (RFC 6532).
  [[nodiscard]] bool has_non_ascii_header() const { return has_non_ascii_header_; }

 private:
  OutgoingContent() = default;

  std::string head_;               // our fields, and the header section as it leaves
  std::uint64_t body_offset_ = 0;  // in `content_`: of what follows what `head_` was made of
  std::shared_ptr<const ports::ContentReader> content_;
  std::uint64_t position_ = 0;
  bool has_non_ascii_header_ = false;
};

}  // namespace penstock::delivery
